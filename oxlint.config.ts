/** The house, as the linter enforces it: who may import whom. The rest is oxlint's own rules. */
import { defineConfig } from 'oxlint';

/** A floor or a room of `src/`. */
interface Room {
  folder: string;
  /** What it never imports: folders, and files by their pattern. */
  never: readonly string[];
  because: string;
}

/** From the top. A floor imports those below it, but for those that it names. */
const floors: readonly Room[] = [
  { folder: 'cli', never: [], because: 'cli/ is the top floor' },
  {
    folder: 'service',
    never: ['gateway', 'fleet', 'daemon', 'client', 'config', 'sources', 'transport'],
    because: 'service/ lays files and calls systemctl; it runs nothing of the daemon',
  },
  {
    folder: 'gateway',
    never: ['fleet', 'daemon', 'sources'],
    because: 'gateway/ is a client of the daemon, and stands on client/',
  },
  {
    folder: 'fleet',
    never: ['daemon', 'sources'],
    because: 'fleet/ is a client of the daemon, and stands on client/',
  },
  {
    folder: 'daemon',
    never: ['client'],
    because: 'client/ and daemon/ never meet: they share protocol/ and transport/',
  },
  {
    folder: 'client',
    never: ['config', 'sources', 'linux'],
    because: 'client/ and daemon/ never meet: they share protocol/ and transport/',
  },
  { folder: 'config', never: [], because: 'config/ says what is wanted and starts nothing' },
  { folder: 'sources', never: [], because: 'sources/ give payloads and do not know where these go' },
  { folder: 'transport', never: [], because: 'transport/ moves frames and does not know what they mean' },
  { folder: 'linux', never: [], because: 'linux/ calls the system and knows nothing of chimed' },
  {
    folder: 'protocol',
    never: ['linux'],
    because: 'protocol/ is the ground floor: names, messages and paths, without sockets',
  },
];

/** Of `daemon/`. None imports the files that wire them, which lie beside the rooms. */
const rooms: readonly Room[] = [
  {
    folder: 'daemon/schedule',
    never: ['topics', 'subscribers', 'delivery', 'requests'],
    because: 'schedule/ knows when, and nothing of what is due',
  },
  {
    folder: 'daemon/delivery',
    never: ['topics', 'requests', 'schedule'],
    because: 'delivery/ writes bytes, and knows nothing of what they say',
  },
  {
    folder: 'daemon/subscribers',
    never: ['topics', 'delivery', 'requests', 'schedule'],
    because: 'subscribers/ knows who hears what, and nothing of what that is',
  },
  {
    folder: 'daemon/topics',
    never: ['delivery', 'requests'],
    because: 'topics/ hands messages to subscribers, and knows nothing of how they travel',
  },
];

/** Packages that one floor alone touches, each with all that is in it. */
const packages = [
  { name: 'node-ipc', floor: 'transport', because: 'only transport/ touches node-ipc' },
  { name: 'koffi', floor: 'linux', because: 'only linux/ calls libc' },
  { name: 'pino', floor: 'cli', because: 'only cli/ makes a logger' },
  { name: 'pino-pretty', floor: 'cli', because: 'only cli/ makes a logger' },
  { name: 'commander', floor: 'cli', because: 'only cli/ reads a command line' },
  { name: 'convict', floor: 'config', because: 'only config/ knows convict' },
  { name: '@nats-io', floor: 'fleet', because: 'only fleet/ touches NATS' },
];

interface Pattern {
  group: string[];
  message: string;
}

const library: Pattern = {
  group: ['**/index.ts', '**/testing.ts'],
  message: 'the library is for other programs: import what it is made of',
};

const inFolders = (folders: readonly string[]): string[] => folders.map((folder) => `**/${folder}/**`);

function restrictions(floor: string, patterns: readonly Pattern[]) {
  const foreign = packages
    .filter((one) => one.floor !== floor)
    .map(({ name, because }) => ({ group: [name, `${name}/**`], message: because }));
  return {
    'no-restricted-imports': [
      'error',
      {
        paths: ['process', 'node:process'].map((name) => ({
          name,
          message: 'use the global `process`: only there does the linter see who exits',
        })),
        patterns: [...patterns, ...foreign],
      },
    ] as ['error', object],
  };
}

function ofFloor({ never, because }: Room, above: readonly Room[]): Pattern[] {
  const group = inFolders([...above.map((floor) => floor.folder), ...never]);
  return [library, ...(group.length > 0 ? [{ group, message: because }] : [])];
}

const house = floors.map((floor, at) => ({
  files: [`src/${floor.folder}/**`],
  rules: restrictions(floor.folder, ofFloor(floor, floors.slice(0, at))),
}));

const ofDaemon = floors.findIndex(({ folder }) => folder === 'daemon');

const daemon = rooms.map(({ folder, never, because }) => ({
  files: [`src/${folder}/**`],
  rules: restrictions('daemon', [
    ...ofFloor(floors[ofDaemon]!, floors.slice(0, ofDaemon)),
    { group: [...inFolders(never), '../*.ts'], message: because },
  ]),
}));

const shared = {
  files: ['src/*.ts'],
  rules: restrictions('', [
    {
      group: floors.map(({ folder }) => `./${folder}/**`),
      message: 'what lies beside the floors is below all of them',
    },
  ]),
};

/** What other programs import. */
const published = {
  files: ['src/index.ts', 'src/testing.ts'],
  rules: restrictions('', [
    {
      group: floors.flatMap(({ folder }) =>
        ['client', 'protocol'].includes(folder) ? [] : [`./${folder}/**`],
      ),
      message: 'the library is client/ and what it stands on',
    },
  ]),
};

export default defineConfig({
  plugins: ['import', 'typescript', 'unicorn', 'oxc', 'promise', 'node'],
  categories: { correctness: 'error', suspicious: 'error' },
  rules: {
    'import/no-cycle': ['error', { ignoreTypes: false }],
    eqeqeq: 'error',
    'typescript/no-explicit-any': 'error',
    'typescript/consistent-type-imports': 'error',
    'no-underscore-dangle': ['error', { allow: ['_bytesDispatched', '_handle'] }],
  },
  overrides: [
    { files: ['src/**'], rules: { 'no-console': 'error', 'unicorn/no-process-exit': 'error' } },
    ...house,
    ...daemon,
    shared,
    published,
    {
      files: ['src/cli/main.ts', 'src/sources/modules/module-process.ts'],
      rules: { 'unicorn/no-process-exit': 'off' },
    },
    {
      files: ['src/gateway/page/**'],
      env: { browser: true },
      rules: { 'unicorn/require-post-message-target-origin': 'off' },
    },
    {
      files: ['test/**'],
      rules: { 'unicorn/consistent-function-scoping': 'off', 'no-underscore-dangle': 'off' },
    },
  ],
  ignorePatterns: ['dist'],
});
