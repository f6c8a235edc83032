import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { Status } from '../../src/protocol/status-snapshot.ts';
import { CONFIG, chimedAs, installedMachine } from './installed.ts';
import { whyNot } from './machine.ts';
import type { Machine } from './machine.ts';
import { saw } from './seen.ts';

const topics = {
  app: { journal: { identifier: 'app' }, always: true, history: 1000 },
  kernel: { journal: { match: '_TRANSPORT=kernel' } },
};
const DROP_IN = '/etc/systemd/system/chimed.service.d/sources.conf';

/** Prints all messages of `app` from the first one of an instance up to a number. */
const readHistory = `
import json, socket, sys
daemon = socket.socket(socket.AF_UNIX)
daemon.connect('/run/chimed/chimed.sock')
daemon.settimeout(20)
resume = {'instance': sys.argv[1], 'after': {'app': 0}}
request = {'type': 'chimed.register', 'data': {'topics': ['app'], 'resume': resume}}
daemon.sendall(json.dumps(request).encode() + b'\\f')
last, rest, seq = int(sys.argv[2]), b'', 0
while seq < last:
    *frames, rest = (rest + daemon.recv(65536)).split(b'\\f')
    for frame in frames:
        if json.loads(frame)['type'] == 'app':
            print(frame.decode())
            seq = json.loads(frame)['seq']
`;

interface Entry {
  seq: number;
  data: { message: string; identifier: string; unit?: string; time: number };
}

describe.skipIf(whyNot())('the entries of a real journal', () => {
  let machine: Machine;
  let written = 0;

  beforeAll(async () => {
    machine = await installedMachine({ topics });
  });
  afterAll(() => machine?.[Symbol.asyncDispose]());

  async function write(count: number): Promise<void> {
    const numbers = Array.from({ length: count }, () => ++written);
    await machine.sh(
      `for number in ${numbers.join(' ')}; do echo "entry $number"; done | systemd-cat -t app`,
    );
    await machine.run('journalctl', '--sync');
  }

  /** Waits until the daemon has sent the last entry that was written. */
  async function sentAll(): Promise<void> {
    for (;;) {
      const { stdout } = await chimedAs(machine, 'root', 'get', 'app', '--json');
      if (stdout && (JSON.parse(stdout) as Entry).data.message === `entry ${written}`) return;
    }
  }

  const lastSeq = async (): Promise<number> =>
    (JSON.parse(await machine.run('chimed', 'get', 'app', '--json')) as Entry).seq;

  /** Waits until journalctl follows the journal: it then waits for changes by inotify. */
  const followed = (): Promise<string> =>
    machine.sh(`
      until for pid in $(pgrep -f '^[j]ournalctl.*--identifier=app'); do
        cat /proc/$pid/fdinfo/* 2>/dev/null
      done | grep -q inotify; do :; done
      pgrep -f '^[j]ournalctl.*--identifier=app' | tail -n 1`);

  test('are not read in silence by a user who is not permitted to read all of them', async () => {
    const { code, stdout } = await chimedAs(machine, 'alice', 'check', '--run', CONFIG);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^app: FAILED after .*permission denied to read the journal of this machine: .*systemd-journal/m,
    );
    const failing = 'journalctl --unit=chimed --output=cat | grep "^source is failing topic=app"';
    const line = await machine.sh(`until ${failing}; do :; done`);
    expect(line).toContain(
      "permission denied to read the journal of this machine: the daemon's user must be in the group systemd-journal",
    );
    saw('journal topic without the group systemd-journal', line.trim().slice(0, 120));
  });

  test('come each once, in order, whatever ends in between', async () => {
    await machine.sh(`
      mkdir -p $(dirname ${DROP_IN})
      sed 's/^#\\(SupplementaryGroups=\\)/\\1/' \\
        /usr/local/lib/chimed/current/systemd/sources.conf.example > ${DROP_IN}
      systemctl daemon-reload
      systemctl restart chimed`);
    await followed();
    await write(1);
    await sentAll();
    const first = written - (await lastSeq()) + 1;
    await write(50);
    await sentAll();
    for (let round = 0; round < 2; round++) {
      const pid = (await followed()).trim();
      await machine.run('kill', pid);
      await write(20);
      await sentAll();
      await machine.run('systemctl', 'reload', 'chimed');
      await write(20);
      await sentAll();
      await machine.run('journalctl', '--rotate');
      await write(20);
      await sentAll();
      await machine.run('systemctl', 'stop', 'chimed');
      await write(20);
      await machine.run('systemctl', 'start', 'chimed');
      await sentAll();
    }
    const { instance } = JSON.parse(await machine.run('chimed', 'status', '--json')) as Status;
    const count = written - first + 1;
    const all = await machine.run('python3', '-I', '-c', readHistory, instance, String(await lastSeq()));
    const entries = all
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Entry);
    expect(entries.map(({ data }) => data.message)).toEqual(
      Array.from({ length: count }, (_, index) => `entry ${first + index}`),
    );
    expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, index) => index + 1));
    saw(
      'entries over 2 ends of journalctl, reloads, rotations and restarts',
      `${count}, none lost, none twice`,
    );
  });

  test('are reported as missing once the journal no longer has the last one that was sent', async () => {
    await machine.run('systemctl', 'stop', 'chimed');
    await machine.sh('journalctl --rotate; journalctl --vacuum-time=1us');
    await machine.run('systemctl', 'start', 'chimed');
    await followed();
    await write(1);
    await sentAll();
    const text = await machine.run('journalctl', '--unit=chimed', '--output=cat');
    expect(text).toMatch(
      /^source is failing topic=app error="entries may be missing: the journal no longer has/m,
    );
    expect(text).toMatch(/^source has recovered topic=app failures=1$/m);
  });
});
