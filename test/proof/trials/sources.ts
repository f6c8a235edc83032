import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

import { hostReadings } from '../../../src/sources/host.ts';
import type { TopicStatus } from '../../../src/protocol/status-snapshot.ts';
import type { Folder } from '../../helpers/folder.ts';
import { percentile } from '../../helpers/figures.ts';
import { Fleet } from '../fleet.ts';
import { Findings } from '../trial.ts';
import type { Scale, Trial } from '../trial.ts';

const INTERVAL_MS = 100;
/** Something that no other process has in its arguments. */
const MARK = `chimed-proof-${process.pid}`;

const bad = {
  hangs: { command: ['sleep', '3600'] },
  children: { command: `for i in $(seq 100); do sh -c 'sleep 3600; : ${MARK}' & done; wait` },
  prints: { command: 'head -c 104857600 /dev/zero' },
  shouts: { command: 'yes >&2' },
  deaf: { command: ['sh', '-c', `trap '' TERM; while :; do sleep 1; done; : ${MARK}`] },
  throws: { module: 'throws.mjs' },
  never: { module: 'never.mjs' },
  blocks: { module: 'blocks.mjs' },
  exits: { module: 'exits.mjs' },
  eats: { module: 'eats.mjs', timeout: '10s' },
  chatters: { module: 'chatters.mjs' },
  escapes: {
    command: `setsid sh -c 'sleep 3600; : ${MARK}' & (setsid sh -c 'sleep 3600; : ${MARK}' &) ; exit 1`,
  },
};

/** Sources that send by themselves or watch something; they have no schedule and no timeout of that kind. */
const restless = {
  pours: { stream: `yes ${MARK}` },
  pours2: { stream: ['yes'], every: '100ms' },
  dies: { stream: 'exit 3' },
  endless: { stream: "tr '\\0' x < /dev/zero" },
  garbage: { stream: 'cat /dev/urandom', format: 'json' },
  stays: {
    stream: `trap '' TERM; (setsid sh -c 'sleep 3600; : ${MARK}' &); while :; do sleep 1; done; : ${MARK}`,
  },
  changes: { file: 'changes.txt', watch: true },
  spool: { files: 'spool/*', watch: true },
  logs: { journal: {} },
  derived: { from: 'healthy', pick: '/0', when: 'above 1e9 for 1s' },
};
/** Runs, and prints nothing. */
const SILENT = 'stays';
/** Fails where there is no journal. */
const either = 'logs';
/** Of them, those that never fail. */
const well = new Set(['pours', 'pours2', 'stays', 'changes', 'derived']);

const modules = {
  throws: 'throw new Error("on purpose");',
  never: 'await new Promise(() => {});',
  blocks: 'for (;;);',
  exits: 'process.exit(0);',
  chatters: 'for (;;) console.log("x");',
  eats: 'const all = []; for (;;) all.push(Buffer.alloc(2 ** 20, 1));',
};

/** More than `files` takes. */
const MANY_FILES = 1500;

/** Starts an HTTP server that ends with the stack. @returns its URL. */
async function serve(stack: AsyncDisposableStack, answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  stack.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** Answers without end, as fast as is read. */
const pour: RequestListener = (_request, response) => {
  const chunk = Buffer.alloc(65_536, 'x');
  const write = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', write);
  write();
};

/** Topics with settings that all of them have. */
function each(topics: Record<string, object>, settings: object): Record<string, object> {
  return Object.fromEntries(
    Object.entries(topics).map(([name, source]) => [name, { ...settings, ...source }]),
  );
}

/** Writes what the topics read, and goes on writing one of the files until it is disposed of. */
function writeFiles(folder: Folder): Disposable {
  for (const [name, code] of Object.entries(modules))
    writeFileSync(folder.file(`${name}.mjs`), `export default async () => { ${code} };`);
  mkdirSync(folder.file('spool'));
  for (let index = 0; index < MANY_FILES; index++) writeFileSync(folder.file(`spool/${index}`), 'x');
  const changes = folder.file('changes.txt');
  writeFileSync(changes, '');
  const writing = setInterval(() => writeFileSync(changes, String(Math.random())), 1);
  return { [Symbol.dispose]: () => clearInterval(writing) };
}

/** Sources that are tried together, and which of their topics must fail, or send something, before the figures count. */
interface Part {
  name: string;
  topics: Record<string, object>;
  failing: readonly string[];
  sending: readonly string[];
}

async function parts(scale: Scale, servers: AsyncDisposableStack): Promise<Part[]> {
  const timed = { interval: '1s', timeout: scale.full ? '500ms' : '5s', always: true };
  const endpoints = {
    silent: { http: { url: await serve(servers, () => {}) } },
    unending: { http: { url: await serve(servers, pour) } },
  };
  const readings = Object.fromEntries(hostReadings.map((host) => [`host.${host}`, { host }]));
  const restlessNames = Object.keys(restless);
  return [
    { name: 'commands and modules', topics: each(bad, timed), failing: Object.keys(bad), sending: [] },
    {
      name: 'other sources',
      topics: {
        ...each(restless, { always: true }),
        ...each(endpoints, timed),
        ...each(readings, { interval: '1s', always: true }),
      },
      failing: [
        ...Object.keys(endpoints),
        ...restlessNames.filter((name) => !well.has(name) && name !== either),
      ],
      sending: restlessNames.filter((name) => well.has(name) && name !== SILENT),
    },
  ];
}

/** Has a healthy topic tick beside them. @returns what was seen. */
async function tick(
  { name, topics, failing, sending }: Part,
  scale: Scale,
  findings: Findings,
): Promise<string> {
  const seconds = scale.of(30, 4);
  await using daemon = await scale.start({ topics: { healthy: { interval: '1s', data: 1 } } });
  using _writing = writeFiles(daemon.folder);
  const healthy = { interval: `${INTERVAL_MS}ms`, host: 'load' };
  const { msg } = await daemon.reload({ topics: { healthy, ...topics } });
  if (msg !== 'reloaded') throw new Error(`the modules could not be loaded in time: ${msg}`);
  await using fleet = await Fleet.start({
    kind: 'socket',
    socket: daemon.socket,
    count: 10,
    topics: ['healthy'],
  });
  let status = await daemon.status();
  const find = (topic: string): TopicStatus => status.topics.find((one) => one.topic === topic)!;
  // On a busy machine some take their time to fail: they have what the ticks leave.
  do {
    await fleet.heard('healthy', find('healthy').seq + (seconds * 1000) / INTERVAL_MS);
    status = await daemon.status();
  } while (
    failing.some((topic) => find(topic).failures === 0) ||
    sending.some((topic) => find(topic).seq === 0)
  );
  const report = await fleet.report();
  findings.histories(report);
  const { skippedTicks, lateP99Ms } = find('healthy');
  findings.hold(!scale.full || skippedTicks === 0, `beside ${name}, ${skippedTicks} ticks were skipped`);
  findings.hold(
    !scale.full || lateP99Ms! < 20,
    `beside ${name}, p99 of lateness ${lateP99Ms!.toFixed(1)} ms`,
  );
  await daemon.program.kill().ended;
  const left = spawnSync('pgrep', ['-f', MARK], { encoding: 'utf8' })
    .stdout.trim()
    .split('\n')
    .filter(Boolean);
  findings.hold(left.length === 0, `${left.length} processes of ${name} were left behind`);
  return `${seconds} s beside ${Object.keys(topics).length} ${name}: ticks ${lateP99Ms!.toFixed(1)} ms late at p99, arrival p99 ${percentile(report.lateness, 99).toFixed(1)} ms, ${skippedTicks} skipped, ${left.length} processes left behind`;
}

export const sources: Trial = {
  name: 'sources',
  holds:
    'commands that hang, leave 100 children, leave children in sessions of their own, print 100 MiB, write to stderr endlessly and ignore SIGTERM, and modules that throw, never settle, block, exit, eat memory and print endlessly, all at once; then streams that pour, die, never end a line, print random bytes and cannot be ended, a watched file that changes without end, a directory with too many files, an HTTP server that never answers and one that never stops, and all readings of the host, all at once: 99 of 100 ticks of a healthy topic are within 20 ms',
  async run(scale) {
    const findings = new Findings();
    await using servers = new AsyncDisposableStack();
    const seen: string[] = [];
    for (const part of await parts(scale, servers)) seen.push(await tick(part, scale, findings));
    return { seen: seen.join('; '), failures: findings.failures };
  },
};
