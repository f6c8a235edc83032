import type { DaemonCase } from '../daemon-case.ts';
import { beginning } from './beginning.ts';
import { frameLimits } from './frame-limits.ts';
import { frames } from './frames.ts';
import { gatewayUsers } from './gateway-users.ts';
import { gateways } from './gateways.ts';
import { limits } from './limits.ts';
import { sentMessages } from './sent-messages.ts';
import { offsets } from './offsets.ts';
import { providedMessages } from './provided-messages.ts';
import { providerFailures } from './provider-failures.ts';
import { providing } from './providing.ts';
import { provisionChanges } from './provision-changes.ts';
import { registering } from './registering.ts';
import { reloads } from './reloads.ts';
import { requests } from './requests.ts';
import { resuming } from './resuming.ts';
import { statuses } from './statuses.ts';
import { topicRequests } from './topic-requests.ts';

/** All cases for daemons, by subject, in the order of docs/wire.md. */
export const daemonCases: Readonly<Record<string, readonly DaemonCase[]>> = {
  frames,
  'frame limits': frameLimits,
  registering,
  beginning,
  'sent messages': sentMessages,
  resuming,
  offsets,
  requests,
  'topic requests': topicRequests,
  statuses,
  reloads,
  gateways,
  'gateway users': gatewayUsers,
  providing,
  'provided messages': providedMessages,
  'provider failures': providerFailures,
  'provision changes': provisionChanges,
  limits,
};
