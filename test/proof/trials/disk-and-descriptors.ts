import { symlinkSync, unlinkSync } from 'node:fs';

import { TestDaemon, startDaemon } from '../../helpers/daemon.ts';
import { temporaryFolder } from '../../helpers/folder.ts';
import { Program, builtCli, cli, root } from '../../helpers/program.ts';
import { RawClient } from '../../helpers/raw-client.ts';
import { Findings } from '../trial.ts';
import type { Scale, Trial } from '../trial.ts';

const topics = { tick: { interval: '50ms', data: 1 } };

export const diskAndDescriptors: Trial = {
  name: 'disk-and-descriptors',
  holds:
    'no space for the state, no descriptor left, the socket removed, a directory that cannot be written: a clear line, no crash, clients served',
  async run(scale) {
    const findings = new Findings();
    await noSpace(findings, scale);
    await socketRemoved(findings, scale);
    await unwritable(findings, scale);
    const served = await noDescriptors(findings, scale);
    return {
      seen: `state that does not fit: said, clean stop; socket removed: made again, clients kept; directory that cannot be written: exit 77, one sentence; ${served}`,
      failures: findings.failures,
    };
  },
};

/** /dev/full takes no byte: the state's unfinished file is a link to it. */
async function noSpace(findings: Findings, scale: Scale): Promise<void> {
  using folder = temporaryFolder();
  const file = folder.file('state.json');
  symlinkSync('/dev/full', `${file}.new`);
  await using daemon = await startDaemon({ topics, state: { file } }, { built: scale.full, folder });
  using client = await daemon.raw();
  await client.send('tick').messages('tick', 2);
  const code = await daemon.program.kill().ended;
  const line = daemon.log.items.find(({ msg }) => msg.startsWith('the state cannot be saved'));
  findings.hold(
    code === 0 && String(line?.['error']).includes('ENOSPC'),
    'no space for the state: not said, or no clean stop',
  );
}

async function socketRemoved(findings: Findings, scale: Scale): Promise<void> {
  await using daemon = await scale.start({ topics });
  using before = await daemon.raw();
  await before.send('tick').frame('tick');
  unlinkSync(daemon.socket);
  await daemon.logged(/^the socket is gone: somebody has removed it/);
  using after = await daemon.raw();
  await after.send('tick').frame('tick');
  await before.frame('tick', before.frames.items.length);
  findings.hold(!before.socket.destroyed, 'the socket removed: a client was lost');
}

async function unwritable(findings: Findings, scale: Scale): Promise<void> {
  // Not even root may make a file there.
  await using daemon = new TestDaemon({ topics }, { built: scale.full, socket: '/sys/chimed.sock' });
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
    scale.full ? builtCli : cli,
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
