import type { Trial } from './trial.ts';
import { allUsers } from './trials/all-users.ts';
import { badFrames } from './trials/bad-frames.ts';
import { clock } from './trials/clock.ts';
import { connections } from './trials/connections.ts';
import { diskAndDescriptors } from './trials/disk-and-descriptors.ts';
import { doubleStart } from './trials/double-start.ts';
import { floodsTrial } from './trials/floods.ts';
import { frozenClients } from './trials/frozen-clients.ts';
import { hungFiles } from './trials/hung-files.ts';
import { killLoop } from './trials/kill-loop.ts';
import { oneUser } from './trials/one-user.ts';
import { pause } from './trials/pause.ts';
import { reconnectStorm } from './trials/reconnect-storm.ts';
import { reload } from './trials/reload.ts';
import { resume } from './trials/resume.ts';
import { slowClients } from './trials/slow-clients.ts';
import { soak } from './trials/soak.ts';
import { sources } from './trials/sources.ts';
import { web } from './trials/web.ts';

/** All trials, in the order in which they are run. */
export const trials: readonly Trial[] = [
  connections,
  reconnectStorm,
  killLoop,
  resume,
  pause,
  clock,
  frozenClients,
  slowClients,
  badFrames,
  floodsTrial,
  oneUser,
  allUsers,
  doubleStart,
  diskAndDescriptors,
  sources,
  hungFiles,
  reload,
  web,
  soak,
];
