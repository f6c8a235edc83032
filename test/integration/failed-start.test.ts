import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { temporaryFolder } from '../helpers/folder.ts';
import type { Folder } from '../helpers/folder.ts';
import { has } from '../helpers/programs-here.ts';
import { Program, cli, root } from '../helpers/program.ts';

/** What systemd does: listens, and starts the daemon when a client has connected. The client prints what it reads. */
const activation = `
import os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[1])
client.sendall(b'{"type":"chimed.register","data":{"topics":[]}}\\f')
pid = os.fork()
if pid == 0:
    os.dup2(os.dup(server.fileno()), 3)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
    os.execv(sys.argv[2], sys.argv[2:])
server.close()
while data := client.recv(65536):
    print(data.decode().replace("\\f", ""), flush=True)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

async function startFor(folder: Folder, config: object) {
  const file = folder.file('chimed.yaml');
  writeFileSync(file, JSON.stringify(config));
  const daemon = [process.execPath, cli, 'serve', '--config', file, '--log-format', 'json'];
  await using program = new Program(
    ['-I', '-c', activation, folder.file('s'), ...daemon],
    {},
    root,
    'python3',
  );
  const exitCode = await program.ended;
  return { exitCode, ...program.output };
}

describe.skipIf(!has('python3'))('a daemon that systemd starts for a client and that cannot start', () => {
  test('tells the client that the configuration has mistakes, and exits with 78', async () => {
    using folder = temporaryFolder();
    const { exitCode, stdout, stderr } = await startFor(folder, { topics: { t: { interval: '1s' } } });
    expect(JSON.parse(stdout)).toMatchObject({
      type: 'chimed.rejected',
      // This client is the daemon's own user, who may read the details.
      data: {
        code: 'bad-config',
        message: expect.stringMatching(/^chimed cannot start: .*topics\.t: no source/s),
      },
    });
    expect(stderr).toContain('topics.t: no source');
    expect(exitCode).toBe(78);
  });

  test('tells the client any other reason', async () => {
    using folder = temporaryFolder();
    const module = { interval: '1s', module: 'absent.mjs' };
    const { exitCode, stdout } = await startFor(folder, { topics: { module } });
    expect(JSON.parse(stdout.split('\n').at(-1)!)).toMatchObject({
      type: 'chimed.rejected',
      data: { message: expect.stringContaining('absent.mjs') },
    });
    expect(exitCode).not.toBe(0);
  });
});
