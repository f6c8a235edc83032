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
import type { Trial } from '../trial.ts';

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

/** Writes what the topics read, and goes on writing one of the files. */
function writeFiles(folder: Folder): NodeJS.Timeout {
  for (const [name, code] of Object.entries(modules))
    writeFileSync(folder.file(`${name}.mjs`), `export default async () => { ${code} };`);
  mkdirSync(folder.file('spool'));
  for (let index = 0; index < MANY_FILES; index++) writeFileSync(folder.file(`spool/${index}`), 'x');
  const changes = folder.file('changes.txt');
  writeFileSync(changes, '');
  return setInterval(() => writeFileSync(changes, String(Math.random())), 1);
}

export const sources: Trial = {
  name: 'sources',
  holds:
    'commands that hang, leave 100 children, leave children in sessions of their own, print 100 MiB, write to stderr endlessly and ignore SIGTERM; modules that throw, never settle, block, exit, eat memory and print endlessly; streams that pour, die, never end a line, print random bytes and cannot be ended; a watched file that changes without end, a directory with too many files, an HTTP server that never answers and one that never stops; and all readings of the host ten times a second, all at once: 99 of 100 ticks of a healthy topic are within 20 ms',
  async run(scale) {
    const seconds = scale.of(30, 4);
    const findings = new Findings();
    await using servers = new AsyncDisposableStack();
    const endpoints = {
      silent: { http: { url: await serve(servers, () => {}) } },
      unending: { http: { url: await serve(servers, pour) } },
    };
    const polled = { ...bad, ...endpoints };
    const readings = Object.fromEntries(hostReadings.map((host) => [`host.${host}`, { host }]));
    const topics = {
      ...each(polled, { interval: '1s', timeout: scale.full ? '500ms' : '5s', always: true }),
      ...each(restless, { always: true }),
      ...each(readings, { interval: '100ms', always: true }),
    };
    const failing = Object.keys({ ...polled, ...restless }).filter(
      (name) => !well.has(name) && name !== either,
    );
    await using daemon = await scale.start({ topics: { healthy: { interval: '1s', data: 1 } } });
    const writing = writeFiles(daemon.folder);
    servers.defer(() => clearInterval(writing));
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
    const hasFailed = ({ topic, failures }: TopicStatus): boolean => failing.includes(topic) && failures > 0;
    const hasSent = ({ topic, seq }: TopicStatus): boolean =>
      well.has(topic) && (seq > 0 || topic === 'stays');
    // On a busy machine some take their time to fail: they have what the ticks leave.
    do {
      const { seq } = status.topics.find(({ topic }) => topic === 'healthy')!;
      await fleet.heard('healthy', seq + (seconds * 1000) / INTERVAL_MS);
      status = await daemon.status();
    } while (
      status.topics.filter(hasFailed).length < failing.length ||
      status.topics.filter(hasSent).length < well.size
    );
    const report = await fleet.report();
    findings.histories(report);
    const { skippedTicks, lateP99Ms } = status.topics.find(({ topic }) => topic === 'healthy')!;
    findings.hold(!scale.full || skippedTicks === 0, `${skippedTicks} ticks were skipped`);
    findings.hold(!scale.full || lateP99Ms! < 20, `p99 of lateness ${lateP99Ms!.toFixed(1)} ms`);
    await daemon.program.kill().ended;
    const left = spawnSync('pgrep', ['-f', MARK], { encoding: 'utf8' })
      .stdout.trim()
      .split('\n')
      .filter(Boolean);
    findings.hold(left.length === 0, `${left.length} processes were left behind`);
    return {
      seen: `${seconds} s beside ${Object.keys(topics).length} other sources, ${failing.length} of which fail: ticks ${lateP99Ms!.toFixed(1)} ms late at p99, arrival p99 ${percentile(report.lateness, 99).toFixed(1)} ms, ${skippedTicks} skipped; 0 processes left behind`,
      failures: findings.failures,
    };
  },
};
