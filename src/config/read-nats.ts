import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { resolve } from 'node:path';

import { matches } from '../protocol/names.ts';
import type { NatsConfig, TopicConfig } from './config.ts';
import { isMapping } from './format.ts';
import type { Mistake } from './mistakes.ts';
import { asList } from './nats-formats.ts';
import type { RawTls } from './nats-formats.ts';
import type { Settings } from './read-settings.ts';

/** The largest message that a NATS server takes, unless its `max_payload` is another. */
const SERVER_LIMIT_BYTES = 1024 ** 2;
/** Most that type, number, time and instance add to a payload. */
const ENVELOPE_BYTES = 512;

/**
 * Resolves the `nats` section.
 * @param raw The file's settings, which say what was set.
 * @returns undefined if `nats.servers` is not set. The uid of `nats.user` is not looked up.
 */
export function readNats(
  { nats }: Settings,
  raw: Record<string, unknown>,
  directory: string,
  mistakes: Mistake[],
): Omit<NatsConfig, 'uid'> | undefined {
  if (mistakes.some(({ path: [section] }) => section === 'nats')) return undefined; // Nothing can be made of it.
  if (nats.servers === null) {
    const others = isMapping(raw['nats']) ? Object.keys(raw['nats']).filter((key) => key !== 'servers') : [];
    for (const key of others) {
      const message =
        'has no effect without nats.servers; set nats.servers, such as nats://nats.example:4222';
      mistakes.push({ path: ['nats', key], message });
    }
    return undefined;
  }
  const servers = asList(nats.servers);
  const machine = nats.name ?? defaultName();
  const imports = (nats.import ?? []).flatMap(({ from, topics }) =>
    asList(from).map((one) => ({ from: one, topics: asList(topics) })),
  );
  if (imports.some(({ from }) => from === machine)) {
    const message = `imports from ${machine}, which is this machine; a machine hears its own topics without the bridge`;
    mistakes.push({ path: ['nats', 'import'], message });
  }
  const hasTls = nats.tls !== null || servers.some((server) => server.startsWith('tls://'));
  const address = servers.map(hostOf).find((host) => isIP(host) !== 0);
  if (hasTls && address !== undefined) {
    const message = `${address} is an IP address; with TLS, name each server by the host name in its certificate`;
    mistakes.push({ path: ['nats', 'servers'], message });
  }
  return {
    servers,
    ...(nats.credentials !== null && { credentials: resolve(directory, nats.credentials) }),
    ...(hasTls && { tls: absolute(nats.tls ?? {}, directory) }),
    machine,
    prefix: nats.prefix,
    export: nats.export === null ? [] : asList(nats.export),
    import: imports,
    ...(nats.stream !== null && { stream: nats.stream }),
  };
}

/** The section as it is printed, with the paths as they are wherever the text is read. */
export function writtenNats(
  raw: Settings['nats'],
  { credentials, tls, machine }: NatsConfig,
): Settings['nats'] {
  return { ...raw, name: machine, credentials: raw.credentials && credentials!, tls: raw.tls && tls! };
}

/**
 * Whether topics that are exported may have payloads that are too large for a NATS server.
 * @param rawTopics Only a `maxBytes` that the file sets counts: the default is no statement of what comes.
 * @returns what is wrong and what to do, or undefined.
 */
export function payloadDoubt(
  { export: patterns }: Pick<NatsConfig, 'export'>,
  rawTopics: unknown,
  topics: readonly TopicConfig[],
): string | undefined {
  const most = SERVER_LIMIT_BYTES - ENVELOPE_BYTES;
  const large = topics.filter(({ name, maxBytes }) => {
    const raw = isMapping(rawTopics) ? rawTopics[name] : undefined;
    const isSet = isMapping(raw) && raw['maxBytes'] !== undefined;
    return isSet && maxBytes > most && patterns.some((pattern) => matches(pattern, name));
  });
  if (large.length === 0) return undefined;
  const [first] = large;
  const which = large.length === 1 ? first!.name : `${first!.name} and ${large.length - 1} more topics`;
  return `${which}: nats.export sends messages of up to maxBytes, but a NATS server takes at most 1 MiB unless its max_payload is larger; set maxBytes to 1023KiB or less, or raise max_payload on the servers`;
}

/** Without the scheme, the port, and the brackets of IPv6. */
function hostOf(server: string): string {
  return server
    .replace(/^\w+:\/\//, '')
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1');
}

function defaultName(): string {
  return (
    hostname()
      .replace(/\..*/s, '')
      .replaceAll(/[^A-Za-z0-9_-]/g, '-')
      .slice(0, 63) || '-'
  );
}

function absolute(tls: RawTls, directory: string): RawTls {
  return Object.fromEntries(Object.entries(tls).map(([key, path]) => [key, resolve(directory, path)]));
}
