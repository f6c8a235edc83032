import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';

import { TestDaemon, startDaemon } from '../../helpers/daemon.ts';
import { temporaryFolder } from '../../helpers/folder.ts';
import type { Folder } from '../../helpers/folder.ts';
import { Program, cli, root } from '../../helpers/program.ts';
import { RawClient } from '../../helpers/raw-client.ts';
import { Findings, seeded } from '../trial.ts';
import type { Scale, Trial } from '../trial.ts';

const topics = { tick: { interval: '50ms', data: 1 } };

export const diskAndDescriptors: Trial = {
  name: 'disk-and-descriptors',
  holds:
    'no space for the state, links planted beside it, damaged states, no file descriptor left, the socket or its directory removed, a read-only directory: a clear message, no crash, never two owners, clients served',
  async run(scale) {
    const findings = new Findings();
    await noSpace(findings);
    await plantedLinks(findings);
    await openDirectory(findings);
    const damaged = await damagedStates(findings, scale);
    await socketRemoved(findings, scale);
    await directoryRemoved(findings, scale);
    await unwritable(findings);
    const served = await noDescriptors(findings, scale);
    return {
      seen: `state that does not fit: said, clean stop; planted links: not followed; ${damaged}; socket removed: made again, clients kept; its directory removed while another starts: one owner, ${scale.of(20, 1)} times; directory that cannot be written: exit 77, one sentence; ${served}`,
      failures: findings.failures,
    };
  },
};

/** A limit on the size of files stands for a full disk: the write of the state is cut short. */
async function noSpace(findings: Findings): Promise<void> {
  using folder = temporaryFolder();
  const [config, socket, file] = [folder.file('c.yaml'), folder.file('s'), folder.file('state.json')];
  const big = { interval: '50ms', data: 'x'.repeat(100_000) };
  writeFileSync(config, JSON.stringify({ topics: { big }, state: { file } }));
  const args = [cli, 'serve', '--config', config, '--socket', socket, '--log-format', 'json'];
  const script = 'ulimit -f 8; exec "$0" "$@"';
  await using daemon = new Program(['-c', script, process.execPath, ...args], {}, root, 'sh');
  await daemon.stdout.find((line) => line.includes('"listening"'));
  using client = await RawClient.connect(socket);
  await client.send('big').messages('big', 2);
  const code = await daemon.kill().ended;
  const line = daemon.stdout.items.find((text) => text.includes('the state cannot be saved'));
  findings.hold(
    code === 0 && line?.includes('EFBIG') === true,
    `no space for the state: not said, or no clean stop: ${code}, ${line}`,
  );
  findings.hold(!existsSync(file), 'no space for the state: a part of it was saved');
}

/** Links under every name that a state was ever written under, to a file that is not the daemon's. */
async function plantedLinks(findings: Findings): Promise<void> {
  using folder = temporaryFolder();
  const [file, precious] = [folder.file('state.json'), folder.file('precious')];
  writeFileSync(precious, 'precious');
  for (const suffix of ['.new', '.tmp', '~']) symlinkSync(precious, file + suffix);
  await using daemon = await startDaemon({ topics, state: { file } }, { folder });
  using client = await daemon.raw();
  await client.send('tick').messages('tick', 2);
  const code = await daemon.program.kill().ended;
  findings.hold(
    readFileSync(precious, 'utf8') === 'precious',
    'a planted link: another file was overwritten',
  );
  findings.hold(code === 0 && lstatSync(file).isFile(), 'a planted link: the state was not saved');
  symlinkSync(file, folder.file('link'));
  const refused = await startOn({ topics, state: { file: folder.file('link') } }, folder);
  findings.hold(refused === 78, `a state that is a link: ${refused}`);
}

async function openDirectory(findings: Findings): Promise<void> {
  using folder = temporaryFolder();
  const directory = folder.file('open');
  mkdirSync(directory);
  chmodSync(directory, 0o1777);
  const code = await startOn({ topics, state: { file: `${directory}/state.json` } }, folder);
  findings.hold(code === 78, `a state in a directory that others can write to: ${code}`);
}

/** States with a few bytes changed: a start takes them, or moves them aside, or says that they are not its own. */
async function damagedStates(findings: Findings, scale: Scale): Promise<string> {
  using folder = temporaryFolder();
  const file = folder.file('state.json');
  const config = { topics, state: { file } };
  const message = { seq: 1, time: 1, data: 'x' };
  const old = (messages: unknown[]) =>
    `{"version":1,"instance":"a","topics":${JSON.stringify({ tick: { seq: 1, messages } })}}`;
  writeFileSync(file, old([null]));
  const first = await startOn(config, folder);
  findings.hold(first === 'listening', `a state with messages: [null]: ${first}`);
  const whole = [readFileSync(file), Buffer.from(old([message]))];
  const random = seeded(7);
  const starts = { listening: 0, refused: 0 };
  const count = scale.of(100, 2);
  for (let round = 0; round < count; round++) {
    const bytes = Buffer.from(whole[round % 2]!);
    for (let change = 0; change <= round % 4; change++)
      bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    writeFileSync(file, bytes);
    const outcome = await startOn(config, folder);
    if (outcome === 'listening') starts.listening++;
    else if (outcome === 78) starts.refused++;
    else findings.hold(false, `a damaged state: ${outcome}, ${JSON.stringify(bytes.toString('latin1'))}`);
    rmSync(file, { force: true });
  }
  return `${count} damaged states: ${starts.listening} starts, ${starts.refused} that refuse what is not theirs`;
}

/** Starts and stops a daemon: `listening`, or its exit code if it does not come so far. */
async function startOn(config: object, folder: Folder): Promise<number | string> {
  await using daemon = new TestDaemon(config, { folder });
  const listening = daemon.logged('listening').then(
    () => true,
    () => false,
  );
  if (!(await listening)) return daemon.program.ended;
  const code = await daemon.program.kill().ended;
  return code === 0 ? 'listening' : `listening, then ${code}`;
}

async function directoryRemoved(findings: Findings, scale: Scale): Promise<void> {
  const rounds = scale.of(20, 1);
  for (let round = 0; round < rounds; round++) {
    using folder = temporaryFolder();
    const [directory, socket] = [folder.file('d'), folder.file('d/s')];
    await using daemon = await scale.start({ topics }, { folder, socket });
    using before = await daemon.raw();
    await before.send('tick').frame('tick');
    rmSync(directory, { recursive: true });
    mkdirSync(directory);
    await using second = new TestDaemon({ topics }, { folder, socket });
    const ended = await Promise.race([daemon, second].map(async (one) => (await one.program.ended, one)));
    const owner = ended === daemon ? second : daemon;
    await using client = owner.connect({ retry: { minMs: 1, maxMs: 20 } });
    const { pid } = await client.status();
    findings.hold(
      pid === owner.program.pid,
      'the directory removed: the socket is not of the one that serves on',
    );
  }
}

async function socketRemoved(findings: Findings, scale: Scale): Promise<void> {
  await using daemon = await scale.start({ topics });
  using before = await daemon.raw();
  await before.send('tick').frame('tick');
  unlinkSync(daemon.socket);
  await daemon.logged(/^the socket is gone: it was removed/);
  using after = await daemon.raw();
  await after.send('tick').frame('tick');
  await before.frame('tick', before.frames.items.length);
  findings.hold(!before.socket.destroyed, 'the socket removed: a client was lost');
}

async function unwritable(findings: Findings): Promise<void> {
  // Not even root may make a file there.
  await using daemon = new TestDaemon({ topics }, { socket: '/sys/chimed.sock' });
  const code = await daemon.program.ended;
  const { stderr } = daemon.program.output;
  findings.hold(
    code === 77 && /^chimed: [^\n]+$/.test(stderr),
    `a directory that cannot be written: ${code}, ${stderr}`,
  );
}

async function noDescriptors(findings: Findings, scale: Scale): Promise<string> {
  const limit = scale.of(1000, 100);
  using folder = temporaryFolder();
  const socket = folder.file('s');
  const command = [
    '-c',
    `ulimit -n ${limit}; exec "$0" "$@"`,
    process.execPath,
    cli,
    'serve',
    '--socket',
    socket,
  ];
  await using daemon = new Program(command, {}, root, 'sh');
  await daemon.stdout.find((line) => line.includes('listening'));
  const clients: RawClient[] = [];
  for (let count = 0; count < limit + 20; count++) clients.push(await RawClient.connect(socket));
  const first = clients[0]!;
  const last = clients.at(-1)!;
  const { data } = await last.frame('chimed.rejected');
  findings.hold(
    (data as { code: string }).code === 'too-many-clients',
    `no descriptor left: ${JSON.stringify(data)}`,
  );
  await first.send('message').messages('message', 2);
  findings.hold(daemon.child.exitCode === null, 'no descriptor left: the daemon ended');
  for (const client of clients) client[Symbol.dispose]();
  return `limit of ${limit} descriptors: ${limit - 64} clients served, the others told too-many-clients`;
}
