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
      doc: 'Path of the Unix socket. Not set: a standard path, where clients look for it.',
      format: 'path',
      default: null,
      env: 'CHIMED_SOCKET_PATH',
    },
    mode: {
      doc: 'Permissions of the socket. Any user with write permission can connect.',
      format: 'mode',
      default: '0600',
    },
    group: {
      doc: "Group of the socket, by name or number. Not set: the daemon's own group.",
      format: 'text',
      default: null,
    },
    backlog: {
      doc: 'Connections that can wait in the kernel until the daemon accepts them. Further ones fail with EAGAIN.',
      format: 'count',
      default: 4096,
    },
  },
  clients: {
    max: {
      doc: 'Maximum number of clients. When it is reached, a user with few connections takes one from the user with the most; otherwise a new connection is rejected with `too-many-clients`.',
      format: 'count',
      default: 10_000,
      env: 'CHIMED_CLIENTS_MAX',
    },
    maxPerUser: {
      doc: "Maximum number of connections of one user. Further ones are rejected with `too-many-connections`. Not set: half of `clients.max`, or half of what the limit on open files allows. Root and the daemon's own user have no such limit, and up to 16 connections are reserved for them.",
      format: 'count',
      default: null,
    },
    maxPatterns: {
      doc: 'Maximum number of topics and patterns that one client can register for. Further ones are rejected with `too-many-patterns`.',
      format: 'count',
      default: 256,
    },
    requestsPerSecond: {
      doc: 'Requests per second of one client. A client over the limit receives `too-fast`, and the daemon reads its requests more slowly; none is dropped.',
      format: 'count',
      default: 10_000,
    },
    connectionsPerSecond: {
      doc: 'New connections per second of one user, averaged over ten seconds. Further ones are rejected with `too-fast`.',
      format: 'count',
      default: 1000,
    },
    bytesPerSecond: {
      doc: 'Bytes per second that all clients of one user can send. A client over the limit receives `too-fast`, and the daemon reads more slowly; nothing is dropped.',
      format: 'size',
      default: '16MiB',
    },
    memory: {
      doc: 'Memory for data that clients have sent and the daemon has not processed, and that the daemon has queued and clients have not read. Over the limit, the clients that hold the most are disconnected with `too-much-memory`.',
      format: 'size',
      default: '128MiB',
    },
    memoryPerUser: {
      doc: 'The same limit for the clients of one user.',
      format: 'size',
      default: '16MiB',
    },
    pendingBytes: {
      doc: 'Bytes that can be queued for one client. Over the limit, messages for this client are skipped and counted. When it has read the queue, it gets the newest message of each topic that it missed.',
      format: 'buffer-size',
      default: '1MiB',
    },
    stallTimeout: {
      doc: 'A client that has bytes queued and reads nothing for this long is disconnected. The daemon notices progress only after the client has read about 200 KiB.',
      format: 'duration',
      default: '30s',
    },
    frameBytes: {
      doc: 'Largest frame that a client can send. A client that sends a larger one is rejected with `too-large` and disconnected.',
      format: 'size',
      default: '1MiB',
    },
    frameTimeout: {
      doc: 'Longest time from the first byte of a frame to its last. A client that takes longer is rejected with `incomplete` and disconnected.',
      format: 'duration',
      default: '10s',
    },
  },
  log: {
    level: {
      doc: 'Lowest level that is logged.',
      format: 'level',
      default: 'info',
      env: 'CHIMED_LOG_LEVEL',
    },
    format: {
      doc: 'Format of log lines. auto: the journal if systemd connects standard output to it, pretty on a terminal, json otherwise.',
      format: 'log-format',
      default: 'auto',
      env: 'CHIMED_LOG_FORMAT',
    },
  },
  history: {
    maxBytes: {
      doc: 'Bytes that the kept messages of all topics can take together, plus 200 for each message. Over the limit, the topics that keep the most drop their oldest messages; the latest message of each topic always stays.',
      format: 'history-size',
      default: '32MiB',
    },
  },
  state: {
    file: {
      doc: 'File that keeps the numbering and the history while the daemon is stopped. Not set: `state.json` in `$STATE_DIRECTORY` if systemd sets that; otherwise a restart begins a new numbering. Only this user and root may have write permission on its directory.',
      format: 'path',
      default: null,
      env: 'CHIMED_STATE_FILE',
    },
  },
  web: {
    socket: {
      doc: "Path of the gateway's Unix socket (`chimed web`). Not set: `web.sock` in the directory of the daemon's socket; under systemd, the socket unit makes it.",
      format: 'path',
      default: null,
      env: 'CHIMED_WEB_SOCKET',
    },
    mode: {
      doc: "Permissions of the gateway's Unix socket.",
      format: 'mode',
      default: '0600',
    },
    address: {
      doc: 'Loopback address and port where the gateway listens as well, such as `127.0.0.1:8080`. Not set: none. Needs a token.',
      format: 'loopback',
      default: null,
    },
    tokenFile: {
      doc: 'File with the token that requests to the loopback port must carry. Not set: the systemd credential `web-token`.',
      format: 'path',
      default: null,
    },
    hosts: {
      doc: 'Further names, separated by spaces, that the `Host` header of requests to the loopback port can have: those of a reverse proxy. `localhost` and the address itself are always allowed.',
      format: 'text',
      default: null,
    },
    user: {
      doc: 'User of the gateway. Only this user, root and the user of the daemon can make requests on behalf of other users. If there is no such user, nobody else can.',
      format: 'text',
      default: 'chimed-web',
    },
    maxConnections: {
      doc: 'Maximum number of HTTP connections. Further ones are closed.',
      format: 'count',
      default: 4096,
    },
  },
  nats: {
    servers: {
      doc: 'NATS servers that the bridge connects to (`chimed nats`), the port 4222 unless they name another. Not set: there is no bridge, and no other key of `nats` can be set. With one `tls://` server or with `nats.tls`, all connections need TLS.',
      format: 'servers',
      default: null,
    },
    name: {
      doc: 'What the other machines call this one. Not set: the host name up to its first dot, with `-` for every character that a name cannot contain. No two machines of a fleet can have the same name.',
      format: 'machine',
      default: null,
    },
    export: {
      doc: 'Topics that other machines can subscribe to. Not set: none. Topics of `remote.>` and `fleet.>` never leave the machine.',
      format: 'patterns',
      default: null,
    },
    import: {
      doc: 'Topics of other machines that clients here can subscribe to, as `remote.MACHINE.TOPIC`. In `from`, the name of a machine, `*` stands for any characters. Not set: none.',
      format: 'imports',
      default: null,
    },
    credentials: {
      doc: 'File with what a NATS server is shown: a credentials file (JWT and seed), the seed of an nkey, or `user:password`. Not set: the systemd credential `nats-creds`, if there is one.',
      format: 'path',
      default: null,
    },
    tls: {
      doc: "Files for TLS: `ca`, the authorities that sign the servers' certificates, instead of those that Node trusts; `cert` and `key`, this machine's own certificate.",
      format: 'tls',
      default: null,
    },
    stream: {
      doc: 'JetStream stream that keeps exported messages, so that other machines receive them after an outage. Not set: none; messages that are missed are counted.',
      format: 'stream',
      default: null,
    },
    prefix: {
      doc: 'First words of all NATS subjects. Machines with different prefixes do not hear each other.',
      format: 'prefix',
      default: 'chimed',
    },
    user: {
      doc: 'User of the bridge. Only this user, root and the user of the daemon can provide topics of `remote.>` and `fleet.link`. If there is no such user, nobody else can.',
      format: 'text',
      default: 'chimed-nats',
    },
  },
  shutdown: {
    timeout: {
      doc: 'Longest time that a stop waits for clients to read what is queued and for sources to end.',
      format: 'duration',
      default: '5s',
    },
  },
} as const satisfies Record<string, Record<string, Key>>;

/** The keys of one topic. */
export const topicSchema = {
  interval: { doc: 'Time from one tick to the next, such as `1m30s`.', format: 'interval', default: null },
  align: {
    doc: 'Ticks at multiples of the interval on the wall clock (`1m`: on the minute, `1d`: at midnight) instead of counting from the start.',
    format: 'switch',
    default: false,
  },
  cron: {
    doc: 'Ticks at the times of a cron pattern: five fields, or six with seconds first. As in crontab(5), a day must match both day fields if one of them begins with `*`, otherwise either of them.',
    format: 'text',
    default: null,
  },
  timezone: {
    doc: 'Time zone of `cron` or `align`: a name such as `Europe/Berlin`, or an offset such as `+05:30`. Not set: the time zone of the machine.',
    format: 'text',
    default: null,
  },
  splay: {
    doc: 'Delays every tick by a fixed part of this time. The delay depends on the topic and the machine, so that many machines do not sample at once. `chimed status` shows it.',
    format: 'duration',
    default: null,
  },
  first: {
    doc: 'What a client receives when it wakes the topic. sample: a new sample, unless the last one is younger than the interval or no tick has passed since. last: the last message, if there is one. none: nothing before the next tick. Not set: last for `cron`, `align`, `publish`, `provide`, `stream`, `journal` and `from`; otherwise sample. The sources among these cannot have sample.',
    format: 'first',
    default: null,
  },
  data: { doc: 'Source: this fixed value.', format: 'payload', default: null },
  command: {
    doc: 'Source: the output of a command, in UTF-8. The command is a list of arguments, or text for `/bin/sh -c`.',
    format: 'command',
    default: null,
  },
  file: {
    doc: 'Source: the content of a file, in UTF-8. `.json`, `.yaml` and `.yml` files are parsed; anything else is text.',
    format: 'path',
    default: null,
  },
  stream: {
    doc: 'Source: a program that runs as long as the topic has subscribers. Each line of its output is a message. A list of arguments, or text for `/bin/sh -c`.',
    format: 'command',
    default: null,
  },
  every: {
    doc: 'Only for `stream` and `journal`: sends the newest message of each period of this length, and counts the others. Not set: all are sent.',
    format: 'interval',
    default: null,
  },
  files: {
    doc: 'Source: the content of all files that match a pattern such as `/var/spool/x/*.json`, as a mapping from the name of each file to its content. `*` and `?` are wildcards, in the last part of the path only.',
    format: 'file-pattern',
    default: null,
  },
  watch: {
    doc: 'Only for `file` and `files`: sends a message as soon as the content changes. `interval` is then how often the files are read in addition, in case a change was not noticed; `1m` if not set.',
    format: 'switch',
    default: false,
  },
  journal: {
    doc: 'Source: entries of the systemd journal, as they are written: `{unit: nginx, priority: warning}`. `{}` selects all. The keys are `unit`, `identifier`, `priority`, `match`, `fields` and `directory`.',
    format: 'journal',
    default: null,
  },
  http: {
    doc: 'Source: what an HTTP endpoint answers: `{url: http://localhost:8080/health, expect: 200, timeout: 5s}`.',
    format: 'http',
    default: null,
  },
  format: {
    doc: 'How the output of a `command`, a line of a `stream` or the content of a `file` or of `files` is read. Output that does not fit fails the sample. auto: JSON if it parses, otherwise text (for a file: by its name). json. text. number: a single number. lines: a list of texts. nagios (commands only): the output of a monitoring plugin.',
    format: 'output',
    default: null,
  },
  module: {
    doc: 'Source: an ES module whose default export is `async ({ topic, signal, log }) => payload`.',
    format: 'path',
    default: null,
  },
  host: {
    doc: 'Source: a reading of the host.',
    format: 'reading',
    default: null,
  },
  from: {
    doc: 'Source: the messages of another topic of this configuration.',
    format: 'text',
    default: null,
  },
  pick: {
    doc: 'Only for `from`: the part of each payload that counts, as a JSON pointer such as `/0` or `/cores/0`. Not set: the whole payload.',
    format: 'pointer',
    default: null,
  },
  take: {
    doc: 'Only for `from`: one value for each period, `min`, `max`, `avg` or `last`, such as `avg over 1m`. Not set: every value.',
    format: 'take',
    default: null,
  },
  when: {
    doc: 'Only for `from`: a condition such as `above 4 for 30s`. The topic then sends `{active, value}`, and only when `active` changes.',
    format: 'when',
    default: null,
  },
  publish: {
    doc: 'Source: what clients publish. It is sent at once, and again at each tick if the topic has a schedule.',
    format: 'true',
    default: null,
  },
  provide: {
    doc: 'Source: a client that provides the topic. It is told when the topic has subscribers and when it has none. The name of the topic can have wildcards: then it stands for all topics that match and that a client provides.',
    format: 'true',
    default: null,
  },
  maxTopics: {
    doc: 'Only for a name with wildcards: how many topics can match it at the same time.',
    format: 'count',
    default: 1000,
  },
  totalBytes: {
    doc: 'Only for a name with wildcards: bytes that the kept messages of all its topics can take together, plus 200 for each.',
    format: 'size',
    default: '16MiB',
  },
  access: {
    doc: 'Who can subscribe, who can publish and who can provide: lists of users, and of groups with an `@`. Without a list, every client that can connect is allowed.',
    format: 'access',
    default: null,
  },
  env: {
    doc: 'Environment variables for a `command`, a `stream` or a `module`, in addition to those that every source gets.',
    format: 'env',
    default: null,
  },
  directory: {
    doc: 'Working directory of a `command`, a `stream` or a `module`, relative to the configuration file. Not set: the directory of the configuration file.',
    format: 'path',
    default: null,
  },
  timeout: {
    doc: 'Longest time that one sample can take. Not for `stream`, `journal` and `from`.',
    format: 'duration',
    default: '10s',
  },
  maxBytes: {
    doc: 'Largest output, line of a `stream`, file or payload.',
    format: 'payload-size',
    default: '1MiB',
  },
  onChange: {
    doc: 'Sends a message only if the payload differs from the last one.',
    format: 'switch',
    default: false,
  },
  maxAge: {
    doc: 'Maximum age of the message that a client receives when it subscribes. If the last message is older, the client waits for the next one.',
    format: 'duration',
    default: null,
  },
  metrics: {
    doc: 'Makes every number in the payload a metric, `chimed_value`. `/metrics` of the gateway subscribes to the topic for five minutes after each request.',
    format: 'switch',
    default: false,
  },
  always: { doc: 'Ticks even if the topic has no subscribers.', format: 'switch', default: false },
  history: {
    doc: 'How many of the last messages are kept for clients that reconnect.',
    format: 'length',
    default: 0,
  },
  historyBytes: {
    doc: 'Bytes that these messages can take, plus 200 for each; the oldest are dropped first. `history.maxBytes` limits all topics together.',
    format: 'history-size',
    default: '4MiB',
  },
} as const satisfies Record<string, Key>;

export type TopicKey = keyof typeof topicSchema;
export const sourceKeys = [
  'data',
  'command',
  'stream',
  'file',
  'files',
  'module',
  'host',
  'journal',
  'http',
  'from',
  'publish',
  'provide',
] as const satisfies TopicKey[];
