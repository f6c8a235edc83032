import { once } from 'node:events';
import { mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect } from 'vitest';

import type { Frame } from '../../src/protocol/messages.ts';
import { systemRoots } from '../../src/sources/host/roots.ts';
import type { HostReading } from '../../src/sources/host.ts';
import { startDaemon } from './daemon.ts';
import { blocks } from './documents.ts';
import type { Block } from './documents.ts';
import { temporaryFolder } from './folder.ts';
import { TestGateway } from './gateway.ts';
import type { Folder } from './folder.ts';
import { HostTree } from './host-tree.ts';
import { readerOf, rootsOf } from './host-reading.ts';
import { Program, chimed, cli, root } from './program.ts';

const NAGIOS_PLUGIN = '/usr/lib/nagios/plugins/check_load';

const topics = {
  message: { interval: '100ms', data: 'hello client' },
  'host.load': { interval: '100ms', host: 'load' },
};

/** For bash. */
const FRAMES_AS_LINES = `while IFS= read -rd $'\\f' frame; do echo "$frame"; done`;

/** How to run a block, and the program without which it cannot be run. */
interface Run {
  needs?: string;
  run(block: Block): Promise<void>;
}

/** The ways to run a block of the manual, by the names that blocks have behind `test=`. */
export const runs: Readonly<Record<string, Run>> = {
  listen: { run: listenShowsThis },
  help: { run: helpIsThis },
  top: { run: topShowsThis },
  on: { run: runsOnMessages },
  mistaken: { run: isRefused },
  mistakes: { run: isWhatCheckPrints },
  access: { run: async ({ text }) => await checks(asKnownAccounts(text)) },
  'five-topics': { run: async ({ text }) => await samplesAll(text, 5) },
  'host-readings': { run: hasTheseReadings },
  'system-readings': { run: hasThesePayloads },
  recipe: { run: async ({ text }) => await samplesAll(text) },
  streams: { needs: 'vmstat', run: async ({ text }) => await streamsAll(text) },
  journal: { run: async ({ text }) => await checks(text) },
  nagios: { needs: NAGIOS_PLUGIN, run: async ({ text }) => await samplesAll(text) },
  module: { run: isModule },
  'node-client': {
    run: async ({ text }) => await hears(process.execPath, 'client.mjs', text, /^host\.load 2 \[/),
  },
  'provide-client': { run: provides },
  'python-client': {
    needs: 'python3',
    run: async ({ text }) => await hears('python3', 'client.py', text, /^host\.load \d+ \[/),
  },
  'shell-loop': { run: loops },
  'shell-client': {
    needs: 'socat',
    run: async ({ text }) => await hears('bash', 'client.bash', text, /^\{"type":"host\.load","data":\[/),
  },
  'shortest-client': {
    needs: 'socat',
    run: async ({ text }) =>
      await hears(
        'bash',
        'client.bash',
        `${text.trim()} | ${FRAMES_AS_LINES}`,
        /"data":"hello client","seq":2,/,
      ),
  },
  'node-ipc': {
    run: async ({ text }) => await hears(process.execPath, 'client.cjs', text, /^hello client$/),
  },
  gateway: { needs: 'curl', run: gatewayAnswersThis },
  testing: { run: passesAsTest },
  'derived-topics': { run: async ({ text }) => await derives(text) },
  'provided-topics': { run: async ({ text }) => await checks(text.replace('alice', 'root')) },
  provider: { needs: 'python3', run: providesTopics },
  conversation: { run: isSaid },
  'fleet-server': { needs: 'nats-server', run: startsFleetServer },
  'scrape-config': { needs: 'promtool', run: isPrometheusConfig },
  textfile: { run: writesMetrics },
};

/** The program provides what the configuration beside it says, once somebody listens. */
async function providesTopics({ text }: Block): Promise<void> {
  const config = blocks.find(({ mark }) => mark === 'test=provided-topics')!.text.replace('alice', 'root');
  await using daemon = await startDaemon(config);
  const script = daemon.folder.file('provider.py');
  writeFileSync(script, text.replace('/run/chimed/chimed.sock', daemon.socket));
  await using program = new Program([script], {}, daemon.folder.path, 'python3');
  await using client = daemon.connect();
  for (const topic of ['room.temperature', 'sensors.door'])
    for await (const { data } of client.listen(topic)) {
      expect(data).toBeTypeOf('number');
      break;
    }
  expect(program.output.stdout).toBe('');
}

/** `chimed check` finds no mistake. */
export async function checks(config: string): Promise<void> {
  const { exitCode, stderr } = await chimed(['check', '-'], { input: config });
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
}

/** Accounts that each Linux has, in place of those of a document. */
function asKnownAccounts(config: string): string {
  const known = config.replace('alice', 'root').replace('@ops', '@root').replace('@release', '@daemon');
  expect(known).not.toBe(config);
  return known;
}

/** Makes the certificates, and has the real nats-server read the configuration. */
async function startsFleetServer({ text }: Block): Promise<void> {
  using folder = temporaryFolder();
  const certificates = join(root, 'docs/fleet/certificates.sh');
  const script = text
    .replaceAll('/usr/local/lib/chimed/current', root)
    .replace('nats-server -c', `sh ${certificates} certs server nats.example && nats-server -t -c`);
  const path = `${process.env['PATH']}:/usr/sbin`;
  await using program = new Program(['-euc', script], { PATH: path }, folder.path, 'sh');
  expect(await program.ended, program.output.stderr).toBe(0);
  const made = text.includes('machine') ? program.output.stdout : program.output.stderr;
  expect(made).toContain(text.includes('machine') ? 'certs/web2.pem certs/web2.key' : 'is valid');
}

/** A real daemon takes a sample of each topic that has a source to sample, and none fails. */
async function samplesAll(config: string, count?: number): Promise<void> {
  using folder = temporaryFolder();
  await using shop = await startShop();
  await using daemon = await startDaemon(here(config, folder, shop.port));
  await using client = daemon.connect({ timeoutMs: 30_000 });
  const { topics: all } = await client.status();
  expect(all.length).toBe(count ?? all.length);
  for (const { topic, source } of all) {
    if (source === 'publish') continue;
    const { data } = await client.sample(topic);
    expect(data, topic).toSatisfy((value) => value !== '' && value !== null);
  }
}

/** Each line is a reading and a payload of the form that it has on a machine whose files are kept. */
async function hasTheseReadings({ text }: Block): Promise<void> {
  using tree = new HostTree('vm');
  tree.makeFolder('root');
  const { signal } = new AbortController();
  for (const line of text.trim().split('\n')) {
    const [, reading, payload] = /^(\w+) +(.*)$/.exec(line)!;
    const source = tree.source(reading as HostReading);
    await source.sample(signal);
    if (reading === 'cpu')
      tree.edit('proc/stat', (stat) => stat.replaceAll(/ \d+ 0 0 0$/gm, ' 99999999 0 0 0'));
    const shown: unknown = JSON.parse(payload!);
    expect(withKinds(await source.sample(signal)), reading).toMatchObject(withKinds(shown) as object);
  }
}

/** A payload with the types of its values in their place; a number may be unknown, and null. */
function withKinds(payload: unknown): unknown {
  if (payload === null) return 'number';
  if (typeof payload !== 'object') return typeof payload;
  if (Array.isArray(payload)) return payload.map(withKinds);
  return Object.fromEntries(Object.entries(payload).map(([key, value]) => [key, withKinds(value)]));
}

/** Each line is a reading and a payload of the form that this machine gives; a board with sensors stands in for it. */
async function hasThesePayloads({ text }: Block): Promise<void> {
  for (const line of text.trim().split('\n')) {
    const [, name, payload] = /^(\w+) +(.*)$/.exec(line)!;
    const reading = name as HostReading;
    if (reading === 'units') continue; // Tested under systemd.
    const reader = readerOf(reading, reading === 'temperatures' ? rootsOf('arm64') : systemRoots);
    await reader.sample();
    const { user } = process.cpuUsage();
    while (process.cpuUsage().user - user < 50_000); // So that a process has used CPU.
    expect(formOf(await reader.sample()), reading).toEqual(formOf(JSON.parse(payload!)));
  }
}

/** The keys of a payload, with those of the first element of each list. */
function formOf(payload: unknown): unknown {
  if (Array.isArray(payload)) return typeof payload[0] === 'object' ? [formOf(payload[0])] : [];
  if (typeof payload !== 'object' || payload === null) return undefined;
  return Object.fromEntries(Object.entries(payload).map(([key, value]) => [key, formOf(value)]));
}

/** A real daemon sends a message of each topic. */
async function streamsAll(config: string): Promise<void> {
  await using daemon = await startDaemon(config);
  await using client = daemon.connect();
  const { topics: all } = await client.status();
  expect(all.length).toBeGreaterThan(0);
  for (const { topic } of all)
    for await (const { data } of client.listen(topic)) {
      expect(data, topic).toSatisfy((value) => value !== '' && value !== null);
      break;
    }
}

/** The configuration with files and a server that are here. */
function here(config: string, folder: Folder, port: number): string {
  const [backups, thermal] = [folder.file('backups'), folder.file('thermal')];
  mkdirSync(backups);
  writeFileSync(join(backups, 'monday.tar.gz'), '');
  mkdirSync(join(thermal, 'thermal_zone0'), { recursive: true });
  writeFileSync(join(thermal, 'thermal_zone0/type'), 'x86_pkg_temp\n');
  writeFileSync(join(thermal, 'thermal_zone0/temp'), '48250\n');
  mkdirSync(folder.file('spool'));
  writeFileSync(folder.file('spool/17.json'), '{"to": "printer"}');
  writeFileSync(folder.file('version'), '2.4.1\n');
  return config
    .replaceAll('/var/spool/app', folder.file('spool'))
    .replaceAll('/etc/app/version', folder.file('version'))
    .replaceAll('/var/backups', backups)
    .replaceAll('/sys/class/thermal', thermal)
    .replaceAll('localhost:8080', `127.0.0.1:${port}`);
}

/** What the HTTP checks ask. */
async function startShop(): Promise<AsyncDisposable & { port: number }> {
  const server = createServer((_, response) => response.end('{"eur":12.5}')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** The program provides `message`, one message a second. */
async function provides({ text }: Block): Promise<void> {
  using folder = withPackages();
  await using daemon = await startDaemon({ topics: { message: { provide: true } } });
  writeFileSync(folder.file('provide.mjs'), text);
  const env = { CHIMED_SOCKET_PATH: daemon.socket };
  await using _program = new Program(['provide.mjs'], env, folder.path);
  await using client = daemon.connect();
  const heard = client.listen('message');
  for (let seq = 1; seq <= 2; seq++)
    expect((await heard.next()).value).toMatchObject({ seq, data: { seconds: expect.any(Number) } });
}

async function isModule({ text }: Block): Promise<void> {
  using folder = temporaryFolder();
  await using shop = await startShop();
  writeFileSync(folder.file('price.mjs'), text.replace('localhost:9000', `127.0.0.1:${shop.port}`));
  const config = { topics: { price: { interval: '1s', module: 'price.mjs' } } };
  await using daemon = await startDaemon(config, { folder });
  await using client = daemon.connect({ timeoutMs: 30_000 });
  expect((await client.sample('price')).data).toEqual({ eur: 12.5 });
}

/** A program prints such a line when it is given the socket of a daemon that has `message` and `host.load`. */
async function hears(command: string, name: string, code: string, line: RegExp): Promise<void> {
  using folder = withPackages();
  await using daemon = await startDaemon({ topics });
  const script = folder.file(name);
  writeFileSync(script, code.replace('/run/chimed/chimed.sock', daemon.socket));
  const env = {
    CHIMED_SOCKET_PATH: daemon.socket,
    PYTHONPATH: join(root, 'clients/python'),
    PATH: `${folder.path}:${process.env['PATH']}`,
  };
  await using program = new Program([script, daemon.socket], env, folder.path, command);
  await program.stdout.find((item) => line.test(item));
  if (code.includes('--count')) await program.ended;
  await daemon.program.kill().ended; // Parts of a pipe outlive the shell; they end with their connection.
}

/** The loop waits for ever; here it ends, or its parts would outlive the shell. */
async function loops({ text }: Block): Promise<void> {
  const code = text.replace('chimed listen', 'chimed listen --count 5');
  await hears('sh', 'loop.sh', code, /^heard \{"topic":"host\.load","seq":\d+,/);
}

async function runsOnMessages({ text }: Block): Promise<void> {
  const code = text.replace('chimed on', 'chimed on --count 1').replace('> 4', '>= 0');
  await hears('sh', 'on.sh', code, /^the load is high: \[/);
}

/** A folder in which `chimed`, and packages, are found as they are where chimed is installed. */
function withPackages(): Folder {
  const folder = temporaryFolder();
  const modules = folder.file('node_modules');
  mkdirSync(join(modules, 'chimed'), { recursive: true });
  symlinkSync(join(root, 'node_modules/node-ipc'), join(modules, 'node-ipc'));
  const exports = { '.': './index.ts', './testing': './testing.ts' };
  writeFileSync(
    join(modules, 'chimed/package.json'),
    JSON.stringify({ name: 'chimed', type: 'module', exports }),
  );
  for (const name of ['index.ts', 'testing.ts'])
    symlinkSync(join(root, 'src', name), join(modules, 'chimed', name));
  const command = `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'dist/cli/main.js')}' "$@"\n`;
  writeFileSync(folder.file('chimed'), command, { mode: 0o755 });
  return folder;
}

async function passesAsTest({ text }: Block): Promise<void> {
  using folder = withPackages();
  writeFileSync(folder.file('price.test.mjs'), text);
  await using program = new Program(['price.test.mjs'], { NODE_OPTIONS: '' }, folder.path);
  expect(await program.ended, program.output.stderr).toBe(0);
  expect(program.output.stdout).toMatch(/pass 1\b/);
}

/** The packaged configuration, listened to by the same command, has lines of the same kind. */
async function listenShowsThis({ text }: Block): Promise<void> {
  const [command, ...shown] = text.trim().split('\n');
  const patterns = command!.replace('$ npx chimed listen ', '').replaceAll("'", '').split(' ');
  await using daemon = await startPackaged();
  await using listener = new Program([cli, 'listen', ...patterns], daemon.env);
  const kindOf = (line: string): string => line.replaceAll(/\d+(\.\d+)?/g, 'N');
  // On a busy machine a command's message comes after those of other topics.
  for (const line of shown) await listener.stdout.find((heard) => kindOf(heard) === kindOf(line));
}

/** One frame of the packaged configuration has lines of the same kind. */
async function topShowsThis({ text }: Block): Promise<void> {
  await using daemon = await startPackaged();
  const [command, ...shown] = text.trimEnd().split('\n');
  const { stdout } = await chimed(command!.replace('$ chimed ', '').split(' '), { env: daemon.env });
  const isFigure = (word: string): boolean => /[\d▁-█{…]|^-$/.test(word);
  const kindOf = (line: string): string[] => line.split(/\s+/).filter((word) => !isFigure(word));
  expect(shown.map(kindOf)).toEqual(stdout.split('\n').map(kindOf));
}

/** A daemon with the packaged configuration, and the environment in which commands find it. */
async function startPackaged(): Promise<AsyncDisposable & { env: NodeJS.ProcessEnv }> {
  const folder = temporaryFolder();
  const env = { CHIMED_SOCKET_PATH: folder.file('s') };
  const daemon = new Program(
    [cli, 'serve', '--config', join(root, 'config/chimed.yaml'), '--log-format', 'json'],
    env,
  );
  await daemon.stdout.find((line) => line.includes('"listening"'));
  return {
    env,
    async [Symbol.asyncDispose]() {
      await daemon[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

/** Each command prints what is below it, but for the numbers, when it is given to a gateway. */
async function gatewayAnswersThis({ text }: Block): Promise<void> {
  const message = { interval: '100ms', data: 'hello client', always: true };
  await using daemon = await startDaemon({ topics: { message, price: { publish: true } } });
  await using gateway = await TestGateway.start(daemon);
  using stream = await gateway.listen('topics=message');
  await stream.named('message'); // It has a last message from now on.
  const kindOf = (shown: string): string =>
    shown
      .trim()
      .replaceAll(/^id: .*$/gm, 'id')
      .replaceAll(/\d+/g, 'N');
  const seen: string[] = [];
  const expected: string[] = [];
  for (const part of text.split(/^\$ /m).slice(1)) {
    const [command = '', ...shown] = part.split('\n');
    const typed = command.replaceAll('/run/chimed/web.sock', gateway.socketPath);
    await using shell = new Program(['-c', typed], {}, root, 'bash');
    await shell.ended;
    seen.push(kindOf(shell.output.stdout));
    expected.push(kindOf(shown.join('\n')));
  }
  expect(seen).toEqual(expected);
}

async function helpIsThis({ text }: Block): Promise<void> {
  const { stdout } = await chimed(['--help']);
  expect(text).toBe(`$ chimed --help\n${stdout}\n`);
}

async function isRefused({ text }: Block): Promise<void> {
  expect((await chimed(['check', '-'], { input: text })).exitCode).toBe(78);
}

async function isWhatCheckPrints({ text }: Block): Promise<void> {
  using folder = temporaryFolder();
  const file = folder.file('chimed.yaml');
  writeFileSync(file, blocks.find(({ mark }) => mark === 'test=mistaken')!.text);
  const { stderr } = await chimed(['check', file]);
  expect(text).toBe(`$ chimed check chimed.yaml\n${stderr.replace(folder.path, '/home/alice')}\n`);
}

async function isPrometheusConfig({ text }: Block): Promise<void> {
  using folder = temporaryFolder();
  const file = folder.file('prometheus.yml');
  writeFileSync(file, text);
  // Its other files are not here.
  await using program = new Program(['check', 'config', '--syntax-only', file], {}, root, 'promtool');
  expect(await program.ended, program.output.stderr).toBe(0);
}

/** The command of the unit writes the metrics of a daemon, and then of none, and leaves no other file. */
async function writesMetrics({ text }: Block): Promise<void> {
  const [, command] = /^ExecStart=\/bin\/sh -c '(.*)'$/m.exec(text)!;
  using bin = withPackages();
  using directory = temporaryFolder();
  const run = async (socket: string): Promise<string> => {
    const env = { CHIMED_SOCKET_PATH: socket, PATH: `${bin.path}:${process.env['PATH']}` };
    await using program = new Program(['-c', command!], env, directory.path, 'sh');
    expect(await program.ended).toBe(0);
    expect(readdirSync(directory.path)).toEqual(['chimed.prom']);
    return readFileSync(directory.file('chimed.prom'), 'utf8');
  };
  await using daemon = await startDaemon({ topics });
  expect(await run(daemon.socket)).toMatch(/^chimed_up 1\n[^]*topic="host\.load"[^]*\n# EOF\n$/m);
  expect(await run(directory.file('none'))).toMatch(/^chimed_up 0\n# EOF\n$/m);
}

/** A daemon says the same, but for ids and times. */
async function isSaid({ text }: Block): Promise<void> {
  await using daemon = await startDaemon({ topics: { price: { publish: true } } });
  await using client = await daemon.raw();
  const lines = text.trim().split('\n');
  let heard = 0;
  for (const line of lines) {
    const frame = JSON.parse(line.slice(2)) as Frame;
    if (line.startsWith('> ')) client.send(frame.type, frame.data);
    else expect(withoutIds((await client.frames.take(++heard))[heard - 1]!)).toEqual(withoutIds(frame));
  }
}

function withoutIds(frame: Frame): unknown {
  const replaced = (key: string, value: unknown): unknown =>
    key === 'instance' ? 'id' : key === 'time' ? 0 : value;
  return JSON.parse(JSON.stringify(frame, replaced));
}

/** The derived topics of the block send what the text says. */
async function derives(text: string): Promise<void> {
  await using daemon = await startDaemon(text);
  await using client = daemon.connect();
  const heard = client.listen(['load.now', 'load.high']);
  const first = new Map<string, unknown>();
  while (first.size < 2) {
    const { topic, data } = (await heard.next()).value!;
    first.set(topic, data);
  }
  expect(Object.fromEntries(first)).toEqual({
    'load.now': expect.any(Number),
    'load.high': { active: false, value: first.get('load.now') },
  });
}
