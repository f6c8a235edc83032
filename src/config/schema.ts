import type { FormatName } from './formats.ts';

/** One key of the configuration. */
export interface Key {
  doc: string;
  format: FormatName;
  /** null: not set. */
  default: string | number | boolean | null;
  /** Environment variable that overrides the file. */
  env?: string;
}

/** The daemon's settings. The only place where a default is written. */
export const settingsSchema = {
  socket: {
    path: {
      doc: 'Path of the Unix socket. Not set: the place where clients look for it, see below.',
      format: 'path',
      default: null,
      env: 'CHIMED_SOCKET_PATH',
    },
    mode: {
      doc: 'Permissions of the socket. Who may write to it may connect.',
      format: 'mode',
      default: '0600',
    },
    group: {
      doc: "Group of the socket, by name or number. Not set: the daemon's own.",
      format: 'text',
      default: null,
    },
    backlog: {
      doc: 'Connections that wait in the kernel until the daemon accepts them; more are told EAGAIN.',
      format: 'count',
      default: 4096,
    },
  },
  clients: {
    max: {
      doc: 'Clients at one time. When all places are taken, a user that has few takes one from the user that has most; otherwise one more is rejected with `too-many-clients`.',
      format: 'count',
      default: 10_000,
      env: 'CHIMED_CLIENTS_MAX',
    },
    maxPerUser: {
      doc: "Connections of one user at one time; one more is rejected with `too-many-connections`. Not set: half of the places that there are (`clients.max`, or what the limit of open files allows). Root and the daemon's own user are not bounded, and up to 16 places are kept for them.",
      format: 'count',
      default: null,
    },
    maxPatterns: {
      doc: 'Topics and patterns that one client may register for; one more is rejected with `too-many-patterns`.',
      format: 'count',
      default: 256,
    },
    requestsPerSecond: {
      doc: 'Requests of one client in a second. One who asks more often is told so (`too-fast`) and read from more slowly; nothing that it asks for is dropped.',
      format: 'count',
      default: 10_000,
    },
    connectionsPerSecond: {
      doc: 'New connections of one user in a second, on average over ten; one more is rejected with `too-fast`.',
      format: 'count',
      default: 1000,
    },
    bytesPerSecond: {
      doc: 'Bytes that the clients of one user may send in a second. What is more is read more slowly (`too-fast`); nothing is dropped.',
      format: 'size',
      default: '16MiB',
    },
    memory: {
      doc: 'Memory for all that clients have sent and the daemon has not done, and that the daemon has sent and clients have not read. Past that, the clients that hold most are disconnected with `too-much-memory`.',
      format: 'size',
      default: '128MiB',
    },
    memoryPerUser: {
      doc: 'The same, for the clients of one user.',
      format: 'size',
      default: '16MiB',
    },
    pendingBytes: {
      doc: 'Bytes that may wait for one client. Past that, messages are skipped and counted until it has read them; then it gets the newest of each topic.',
      format: 'buffer-size',
      default: '1MiB',
    },
    stallTimeout: {
      doc: 'A client for which bytes wait and that makes no room for more for this long is disconnected. The kernel tells of room when most of its own buffer, some 200 KiB, has been read.',
      format: 'duration',
      default: '30s',
    },
    frameBytes: {
      doc: 'Largest frame that a client may send; a larger one is rejected with `too-large`, and the client disconnected.',
      format: 'size',
      default: '1MiB',
    },
    frameTimeout: {
      doc: 'Longest time from the first byte of a frame to its end; then `incomplete`, and the client is disconnected.',
      format: 'duration',
      default: '10s',
    },
  },
  log: {
    level: {
      doc: 'Least important lines that are written.',
      format: 'level',
      default: 'info',
      env: 'CHIMED_LOG_LEVEL',
    },
    format: {
      doc: 'How lines are written. auto: to the journal if systemd connects us to it, pretty on a terminal, json otherwise.',
      format: 'log-format',
      default: 'auto',
      env: 'CHIMED_LOG_FORMAT',
    },
  },
  history: {
    maxBytes: {
      doc: 'Bytes that the messages of all topics keep together, 200 added for each. Past that, the topics that keep the most drop their oldest messages; the latest of each topic always stays.',
      format: 'history-size',
      default: '32MiB',
    },
  },
  state: {
    file: {
      doc: 'Where the numbering and the history are kept while the daemon is stopped. Not set: `state.json` in `$STATE_DIRECTORY` if systemd gives one, else nowhere, and a restart begins a new numbering. Only this user and root may be able to write to its directory.',
      format: 'path',
      default: null,
      env: 'CHIMED_STATE_FILE',
    },
  },
  shutdown: {
    timeout: {
      doc: 'Longest time that stopping waits for clients to take what is queued and for sources to end.',
      format: 'duration',
      default: '5s',
    },
  },
} as const satisfies Record<string, Record<string, Key>>;

/** The keys of one topic. */
export const topicSchema = {
  interval: { doc: 'Time from one tick to the next, such as `1m30s`.', format: 'interval', default: null },
  align: {
    doc: 'Ticks at multiples of the interval on the local clock (`1m`: on the minute, `1d`: at midnight) rather than counted from the start.',
    format: 'switch',
    default: false,
  },
  cron: {
    doc: 'Ticks at the times of a cron pattern of five fields, or six with seconds first. A day must match both day fields if one of them begins with a `*`, and else either of them, as in crontab(5).',
    format: 'text',
    default: null,
  },
  timezone: {
    doc: "Time zone of `cron` or `align`: a name such as `Europe/Berlin`, or an offset such as `+05:30`. Not set: the machine's.",
    format: 'text',
    default: null,
  },
  splay: {
    doc: 'Ticks later than scheduled, by a part of this time that is always the same for one topic of one machine. `chimed status` shows it.',
    format: 'duration',
    default: null,
  },
  first: {
    doc: 'What a client gets at once when it wakes the topic. sample: a new sample, unless the last one is younger than the interval, or no tick has come since. last: the last message, if there is one. none: nothing before the next tick. Not set: sample for a plain interval, last for `cron`, `align` and `publish`.',
    format: 'first',
    default: null,
  },
  data: { doc: 'Source: this value, as it stands.', format: 'payload', default: null },
  command: {
    doc: "Source: a command's output; a list of arguments, or a text that `/bin/sh -c` runs. JSON if it parses, else text, both in UTF-8. Its directory is the configuration file's.",
    format: 'command',
    default: null,
  },
  file: {
    doc: "Source: a file's content; `.json`, `.yaml` and `.yml` are parsed, anything else is text, all in UTF-8.",
    format: 'path',
    default: null,
  },
  format: {
    doc: 'What a `command` prints, or a `file` holds; another text fails the sample. auto: JSON if it parses, else text (a file: by its name). json, text. number: one, and nothing else. lines: a list of texts. nagios (a command): what a monitoring plugin prints, see below.',
    format: 'output',
    default: null,
  },
  module: {
    doc: 'Source: an ES module whose default export is `async ({ topic, signal, log }) => payload`.',
    format: 'path',
    default: null,
  },
  host: {
    doc: 'Source: a reading of the host, see below.',
    format: 'reading',
    default: null,
  },
  publish: {
    doc: 'Source: what clients publish, sent at once; and again at each tick, if there is a schedule.',
    format: 'true',
    default: null,
  },
  access: {
    doc: 'Who may register and who may publish: users, and groups with an `@`. A list that is not there lets everyone who may connect. See [Access](#access).',
    format: 'access',
    default: null,
  },
  env: {
    doc: 'Variables that a `command` or a `module` gets beside those under [Commands](#sources).',
    format: 'env',
    default: null,
  },
  directory: {
    doc: "Current directory of a `command` or a `module`. Not set: the configuration file's, from which it is relative.",
    format: 'path',
    default: null,
  },
  timeout: { doc: 'Longest time that one sample may take.', format: 'duration', default: '10s' },
  maxBytes: { doc: 'Largest output, file or payload.', format: 'payload-size', default: '1MiB' },
  onChange: {
    doc: 'Sends only a payload that differs from the last message.',
    format: 'switch',
    default: false,
  },
  maxAge: {
    doc: 'How old a message may be that a client gets as it joins; it then waits for the next one.',
    format: 'duration',
    default: null,
  },
  always: { doc: 'Ticks although nobody is registered.', format: 'switch', default: false },
  history: {
    doc: 'How many of the last messages are kept for clients that come back after a lost connection.',
    format: 'length',
    default: 0,
  },
  historyBytes: {
    doc: 'Bytes that these messages may have together, 200 added for each; the oldest are dropped first. See also `history.maxBytes`.',
    format: 'history-size',
    default: '4MiB',
  },
} as const satisfies Record<string, Key>;

export type TopicKey = keyof typeof topicSchema;
export const sourceKeys = [
  'data',
  'command',
  'file',
  'module',
  'host',
  'publish',
] as const satisfies TopicKey[];
