import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { CONFIG, installedMachine } from './installed.ts';
import { CHECKOUT, whyNot } from './machine.ts';
import type { Machine } from './machine.ts';
import { saw } from './seen.ts';

const readings = ['memory', 'os', 'processes', 'temperatures', 'time', 'units'] as const;
const topics = Object.fromEntries(readings.map((host) => [`h.${host}`, { interval: '1s', host }]));
const ADJTIMEX = `${CHECKOUT}/test/helpers/adjtimex.py`;
const DROP_IN = '/etc/systemd/system/chimed.service.d/sources.conf';
const STOPPED = 7;

interface Processes {
  total: number;
  states: Record<string, number>;
  threads: number;
  topCpu: { pid: number; name: string; cpu: number }[] | null;
  topMemory: { pid: number; name: string; memory: number }[];
}

describe.skipIf(whyNot())('a reading of the host, in the sandbox', () => {
  let machine: Machine;

  /** A sample that the service takes. */
  async function inside<Payload = unknown>(reading: (typeof readings)[number]): Promise<Payload> {
    return JSON.parse(await machine.run('chimed', 'sample', `h.${reading}`)) as Payload;
  }

  /** What a user without rights is told. */
  async function outside(script: string): Promise<string> {
    return (await machine.run('runuser', '-u', 'mallory', '--', 'sh', '-euc', script)).trim();
  }

  beforeAll(async () => {
    machine = await installedMachine({ topics });
    // All of it comes after the service.
    await machine.sh(`
      hostname renamed
      mount -t tmpfs sensors /sys/class/thermal; mkdir /sys/class/thermal/thermal_zone0
      cd /sys/class/thermal/thermal_zone0; echo 42000 > temp; echo acpitz > type
      echo critical > trip_point_0_type; echo 105000 > trip_point_0_temp
      systemd-run --quiet --unit=broken false || true
      systemd-run --quiet --unit=other -- false || true
      ln -sf /usr/share/zoneinfo/Asia/Kathmandu /etc/localtime
      for n in $(seq ${STOPPED}); do
        systemd-run --quiet --property=User=mallory --unit=stopped-$n sleep infinity
        systemctl kill --signal=STOP stopped-$n
      done
      until [ $(ps -A -o stat= | grep -c '^T') = ${STOPPED} ]; do sleep 0.1; done`);
  });

  afterAll(() => machine?.[Symbol.asyncDispose]());

  test('os is what uname(1), hostname(1), systemd-detect-virt(1) and os-release(5) say', async () => {
    const says = await outside(`
      . /etc/os-release; echo "$ID"; echo "$NAME"; echo "\${VERSION_ID-}"
      uname -r; uname -m; systemd-detect-virt || true; hostname`);
    const { bootId, ...seen } = await inside<Record<string, string | null>>('os');
    expect(Object.values(seen).map((value) => value ?? '')).toEqual(says.split('\n'));
    expect(seen).toMatchObject({ hostname: 'renamed', virtualisation: 'systemd-nspawn' });
    expect(bootId, "the sandbox hides the container's own").toBeNull();
    const own = JSON.parse(await outside(`chimed sample h.os --config ${CONFIG}`)) as { bootId: string };
    expect(own.bootId).toBe(await outside('cat /proc/sys/kernel/random/boot_id'));
    saw('host: os', JSON.stringify(seen));
  });

  test('time is what adjtimex(2) and /etc/localtime say', async () => {
    const { synchronised } = JSON.parse(await outside(`python3 ${ADJTIMEX}`)) as { synchronised: boolean };
    const seen = await inside<{ maxErrorMs: number | null }>('time');
    expect(seen).toMatchObject({ synchronised, zone: 'Asia/Kathmandu' });
    expect(seen.maxErrorMs !== null).toBe(synchronised);
    saw('host: time', JSON.stringify(seen));
  });

  test('the sandbox lets a source ask for the clock, and not set it', async () => {
    const adjtimex = `import ctypes, sys; b = ctypes.create_string_buffer(bytes([int(sys.argv[1])]) + bytes(511)); c = ctypes.CDLL(None, use_errno=True); print(c.adjtimex(b), ctypes.get_errno())`;
    const ask = (modes: number): object => ({
      interval: '1h',
      command: ['/usr/bin/python3', '-c', adjtimex, String(modes)],
      format: 'text',
    });
    await machine.write(CONFIG, JSON.stringify({ topics: { ...topics, 'c.ask': ask(0), 'c.set': ask(1) } }));
    await machine.run('systemctl', 'reload', 'chimed');
    expect(await machine.run('chimed', 'sample', 'c.ask')).toMatch(/^"?[0-5] 0"?$/m);
    expect(await machine.run('chimed', 'sample', 'c.set'), 'EPERM').toMatch(/^"?-1 1"?$/m);
  });

  test('time says what to change in a unit that forbids adjtimex(2)', async () => {
    const unit = ['User=mallory', 'ProtectClock=yes', 'SystemCallErrorNumber=EPERM'];
    const properties = unit.map((property) => `--property=${property}`);
    const command = ['chimed', 'sample', 'h.time', '--config', CONFIG];
    const run = ['systemd-run', '--quiet', '--wait', '--pipe', ...properties, ...command];
    const { code, stderr } = await machine.attempt(...run);
    expect(code).not.toBe(0);
    expect(stderr).toContain('a sandbox forbids adjtimex(2)');
    expect(stderr).toContain('remove ProtectClock=yes');
  });

  test('units are those of systemctl(1)', async () => {
    const list = await outside('systemctl list-units --all --plain --no-legend --full');
    const states = list.split('\n').map((line) => line.split(/ +/)[2]!);
    const seen = await inside<{ failed: string[]; active: number; states: Record<string, number> }>('units');
    expect(seen.failed).toEqual(
      (await outside('systemctl --failed --plain --no-legend --full'))
        .split('\n')
        .map((line) => line.split(' ')[0]),
    );
    expect(seen.failed).toEqual(expect.arrayContaining(['broken.service', 'other.service']));
    for (const [state, count] of Object.entries(seen.states))
      expect(
        states.filter((other) => other === state),
        state,
      ).toHaveLength(count);
    expect(seen.active).toBe(seen.states['active']);
    saw('host: units', JSON.stringify({ ...seen, failed: seen.failed.length }));
    const cost = await machine.sh(
      `python3 -c 'import resource, subprocess; [subprocess.run(["systemctl", "list-units", "--all", "--plain", "--no-legend"], stdout=subprocess.DEVNULL) for _ in range(50)]; u = resource.getrusage(resource.RUSAGE_CHILDREN); print(round((u.ru_utime + u.ru_stime) * 1000 / 50, 1))'`,
    );
    saw('systemctl list-units, CPU in ms', cost.trim());
  });

  test('temperatures are those that anybody can read', async () => {
    expect(await inside('temperatures')).toEqual([
      { sensor: 'acpitz', device: 'thermal_zone0', celsius: 42, high: null, critical: 105 },
    ]);
  });

  test('memory is that of /proc/meminfo', async () => {
    const says = await outside(
      `awk '/^(MemTotal|SwapTotal):/ { printf "%.0f\\n", $2 * 1024 }' /proc/meminfo`,
    );
    const { total, swap } = await inside<{ total: number; swap: { total: number } }>('memory');
    expect([total, swap.total]).toEqual(says.split('\n').map(Number));
  });

  test('processes fails and names the drop-in', async () => {
    const { code, stderr } = await machine.attempt('chimed', 'sample', 'h.processes');
    expect(code).not.toBe(0);
    expect(stderr).toContain(
      'the kernel hides the processes of other users (hidepid=invisible), so a count would be false',
    );
    expect(stderr).toContain('set ProtectProc=default in a drop-in (systemd/sources.conf.example)');
    saw('host: processes in the sandbox', stderr.trim());
  });

  test('processes is what ps(1) says with the drop-in', async () => {
    await machine.sh(`mkdir -p $(dirname ${DROP_IN})
      sed -E '/^#(ProtectProc|InaccessiblePaths)=/s/^#//' \\
        /usr/local/lib/chimed/current/systemd/sources.conf.example > ${DROP_IN}
      systemctl daemon-reload; systemctl restart chimed
      systemd-run --quiet -- python3 -c 'x = bytearray(400 * 2**20); open("/run/large", "w"); import signal; signal.pause()'
      until [ -e /run/large ]; do sleep 0.1; done`);
    const seen = await inside<Processes>('processes');
    const says = (await outside('ps -A -o pid=,stat=,nlwp=,rss=,comm='))
      .split('\n')
      .map((line) => line.trim().split(/ +/));
    // ps lists itself and what calls it: runuser and its shell. The sampling client is listed by chimed alone.
    const others = ['ps', 'sh', 'runuser', 'env', 'nsenter'];
    const lasting = says.filter(([, stat, , , name]) => stat!.startsWith('T') || !others.includes(name!));
    expect(Math.abs(seen.total - lasting.length)).toBeLessThanOrEqual(8);
    expect(seen.states).toMatchObject({ stopped: STOPPED, zombie: 0 });
    const [largest] = seen.topMemory;
    const [, , , kib] = says.find(([pid]) => Number(pid) === largest!.pid)!;
    expect(Math.abs(largest!.memory / (Number(kib) * 1024) - 1)).toBeLessThan(0.2);
    saw('host: processes with the drop-in', `${seen.total}, and by ps ${lasting.length}`);
    const lines = await machine.run('chimed', 'listen', 'h.processes', '--json', '--count', '2');
    const [first, second] = lines
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { data: Processes }).data);
    expect(first!.topCpu).toBeNull();
    expect(second!.topCpu).toEqual(expect.any(Array));
    expect(second!.states['stopped']).toBe(STOPPED);
  });
});
