import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

import { messageOf } from '../errors.ts';
import { systemUser } from '../linux/accounts.ts';
import { defaultSocketPath } from '../protocol/paths.ts';
import { lookUpAll } from './account-ids.ts';
import type { Ids } from './account-ids.ts';
import type { Config, LogFormat, LogLevel } from './config.ts';
import { isMapping } from './format.ts';
import { parseDuration, parseLoopback, parseSize } from './formats.ts';
import { locations } from './locations.ts';
import { withFleetTopics } from './fleet-topics.ts';
import { ConfigError } from './mistakes.ts';
import type { Mistake } from './mistakes.ts';
import { ConfigFiles, STDIN } from './config-files.ts';
import { settingsSchema } from './schema.ts';
import { payloadDoubt, readNats, writtenNats } from './read-nats.ts';
import { readSettings } from './read-settings.ts';
import type { Settings } from './read-settings.ts';
import { timezoneDoubt } from './timezone-doubt.ts';
import { readTopics } from './read-topics.ts';
import { watchMistakes } from './watch-mistakes.ts';
import { withoutNull, writtenTopics } from './written-topics.ts';

type Environment = Record<string, string | undefined>;

export const SYSTEM_FILE = '/etc/chimed/chimed.yaml';
const PACKAGED_FILE = resolve(import.meta.dirname, '../../config/chimed.yaml');

/** The file to use: the one named, `$CHIMED_CONFIG`, `/etc/chimed/chimed.yaml`, else the one that we ship. */
export function findConfig(named?: string, env: Environment = process.env): string {
  const chosen = named ?? locations(env).config;
  if (chosen) return resolve(chosen);
  return existsSync(SYSTEM_FILE) ? SYSTEM_FILE : PACKAGED_FILE;
}

/**
 * Reads and checks a configuration file. Nothing is opened or started.
 * @returns the configuration, frozen all the way down.
 * @throws {ConfigError} `bad-config`, with every mistake and its path.
 */
export function loadConfig(file: string, env: Environment = process.env): Config {
  return readConfig(file, env).config;
}

/**
 * The same, and what it says in the words of the file: with all defaults, merges and variables, and still one that
 * `readConfig` reads.
 */
export function readConfig(
  file: string,
  env: Environment = process.env,
): { config: Config; written: Record<string, unknown> } {
  const files = new ConfigFiles(file);
  const mistakes: Mistake[] = [];
  const directory = file === STDIN ? process.cwd() : dirname(file);
  const settings = readSettings(files.settings, env, mistakes);
  const rawTopics = files.topics(mistakes);
  const users = { web: namedUser(settings, 'web'), nats: namedUser(settings, 'nats') };
  const ids = lookUpAll(rawTopics, settings.socket.group, [users.web, users.nats]);
  checkGroup(settings.socket.group, ids, mistakes);
  const webUid = uidOf('web', users.web, ids, mistakes);
  const rawNats = readNats(settings, files.settings, directory, mistakes);
  const natsUid = rawNats && uidOf('nats', users.nats, ids, mistakes);
  const nats = rawNats && { ...rawNats, ...(natsUid !== undefined && { uid: natsUid }) };
  const topics = readTopics(rawTopics, ids, parseSize(settings.clients.frameBytes), mistakes);
  mistakes.push(...watchMistakes(topics.topics, directory));
  if (mistakes.length > 0)
    throw new ConfigError(
      file,
      mistakes.map((mistake) => files.locate(mistake)),
    );
  const { socket } = files.settings;
  const socketKeys = (['path', 'mode', 'group'] as const).filter((key) => isMapping(socket) && key in socket);
  const doubts = [
    ...(hasLocalTimes(rawTopics) ? [timezoneDoubt(env)] : []),
    nats && payloadDoubt(nats, rawTopics, topics.topics),
  ].filter((doubt) => doubt !== undefined);
  const config: Config = deepFreeze({
    file,
    directory,
    ...resolveSettings(settings, directory, env, webUid),
    ...(nats && { nats }),
    ...(socketKeys.length > 0 && { socketKeys }),
    ...withFleetTopics(topics, nats),
    ...(doubts.length > 0 && { doubts }),
  });
  return { config, written: { ...writtenSettings(settings, config), topics: writtenTopics(rawTopics) } };
}

/** @param config Has the paths as they are wherever the text is read. */
function writtenSettings(
  { nats: rawNats, ...settings }: Settings,
  { socket, state, web, nats }: Config,
): Record<string, unknown> {
  const absolute = {
    ...settings,
    ...(nats && { nats: writtenNats(rawNats, nats) }),
    socket: { ...settings.socket, path: settings.socket.path && socket.path },
    state: { ...settings.state, file: settings.state.file && state.file },
    web: {
      ...settings.web,
      socket: settings.web.socket && web.socket,
      tokenFile: settings.web.tokenFile && (web.tokenFile ?? null),
    },
  };
  return Object.fromEntries(Object.entries(absolute).map(([section, keys]) => [section, withoutNull(keys)]));
}

/** Reports whether a topic goes by the machine's clock. */
function hasLocalTimes(rawTopics: unknown): boolean {
  const topics = isMapping(rawTopics) ? Object.values(rawTopics) : [];
  return topics.some(
    (topic) => isMapping(topic) && topic['timezone'] === undefined && (topic['cron'] ?? topic['align']),
  );
}

function checkGroup(group: unknown, ids: Ids, mistakes: Mistake[]): void {
  if (typeof group !== 'string') return; // Not set, or complained of already.
  try {
    ids.group(group);
  } catch (error) {
    mistakes.push({ path: ['socket', 'group'], message: messageOf(error) });
  }
}

/** The user that a program of ours runs as, unless it is the default: then it need not be installed, and nobody is asked. */
function namedUser(settings: Settings, program: 'web' | 'nats'): unknown {
  const { user } = settings[program];
  return user === settingsSchema[program].user.default ? undefined : user;
}

function uidOf(program: 'web' | 'nats', named: unknown, ids: Ids, mistakes: Mistake[]): number | undefined {
  if (named === undefined) return systemUser(settingsSchema[program].user.default);
  if (typeof named !== 'string') return undefined; // Complained of already.
  try {
    return ids.user(named);
  } catch (error) {
    mistakes.push({ path: [program, 'user'], message: messageOf(error) });
    return undefined;
  }
}

function resolveSettings(
  settings: Settings,
  directory: string,
  env: Environment,
  webUid: number | undefined,
): Omit<Config, 'file' | 'directory' | 'socketKeys' | 'nats' | 'topics' | 'namespaces'> {
  const { socket, clients, log, history, state, web, shutdown } = settings;
  const stateDirectory = env['STATE_DIRECTORY']?.split(':')[0];
  // What the file says starts from its directory; what a flag or a variable says, from the current one.
  const resolved = (path: string, variable: string): string =>
    env[variable] ? resolve(path) : resolve(directory, path);
  const stateFile =
    (state.file && resolved(state.file, 'CHIMED_STATE_FILE')) ??
    (stateDirectory && resolve(stateDirectory, 'state.json'));
  const socketPath = socket.path ? resolved(socket.path, 'CHIMED_SOCKET_PATH') : defaultSocketPath(env);
  const address = parseLoopback(web.address);
  return {
    socket: {
      path: socketPath,
      mode: Number.parseInt(socket.mode, 8),
      ...(socket.group !== null && { group: socket.group }),
      backlog: socket.backlog,
    },
    clients: {
      max: clients.max,
      ...(clients.maxPerUser !== null && { maxPerUser: clients.maxPerUser }),
      maxPatterns: clients.maxPatterns,
      requestsPerSecond: clients.requestsPerSecond,
      connectionsPerSecond: clients.connectionsPerSecond,
      bytesPerSecond: parseSize(clients.bytesPerSecond),
      memory: parseSize(clients.memory),
      memoryPerUser: parseSize(clients.memoryPerUser),
      pendingBytes: parseSize(clients.pendingBytes),
      stallTimeoutMs: parseDuration(clients.stallTimeout),
      frameBytes: parseSize(clients.frameBytes),
      frameTimeoutMs: parseDuration(clients.frameTimeout),
    },
    log: { level: log.level as LogLevel, format: log.format as LogFormat },
    history: { maxBytes: parseSize(history.maxBytes) },
    state: stateFile ? { file: stateFile } : {},
    web: {
      socket: web.socket
        ? resolved(web.socket, 'CHIMED_WEB_SOCKET')
        : resolve(dirname(socketPath), 'web.sock'),
      mode: Number.parseInt(web.mode, 8),
      ...(address && { address }),
      ...(web.tokenFile !== null && { tokenFile: resolve(directory, web.tokenFile) }),
      hosts: web.hosts?.split(' ').filter(Boolean) ?? [],
      ...(webUid !== undefined && { uid: webUid }),
      maxConnections: web.maxConnections,
    },
    shutdown: { timeoutMs: parseDuration(shutdown.timeout) },
  };
}

export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}
