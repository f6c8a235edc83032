import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { CONFIG, installedMachine } from './installed.ts';
import { CHECKOUT, whyNot } from './machine.ts';
import type { Machine } from './machine.ts';
import { saw } from './seen.ts';

/** What one asks a machine, with an answer that does not change while the test looks. */
const questions: Record<string, string> = {
  'disks: df': 'df --output=source,fstype,size,target | sort',
  'disks: df of one': 'df --output=size,used,target /data /home /mnt/later',
  'disks: df -h': 'df -h /data /home',
  'disks: statvfs': 'stat --file-system --format="%b %f %c" /data /home /mnt/later',
  'disks: inodes': 'df --output=itotal,iused,target /data /home',
  'disks: read-only or not': 'findmnt --noheadings --output FS-OPTIONS /data',
  'disks: counters': 'cut -d" " -f1-8 /proc/diskstats',
  'disks: block devices': 'ls /sys/block',
  'network: /proc/net/dev': 'cat /proc/net/dev',
  'network: /sys/class/net': 'ls /sys/class/net; cat /sys/class/net/lo/statistics/rx_bytes',
  'network: ss': 'ss -tln; ss -xl | grep -c dbus',
  'network: addresses': 'hostname --all-ip-addresses',
  'services: one that runs': 'systemctl is-active dbus.service',
  'services: one that does not': 'systemctl is-active nosuch.service',
  'services: one that has failed': 'systemctl is-failed broken.service',
  'services: all that have failed': 'systemctl list-units --failed --plain --no-legend',
  'services: a property': 'systemctl show --property=ActiveState,SubState,NRestarts dbus.service',
  'temperature: thermal zone': 'cat /sys/class/thermal/thermal_zone0/temp',
  'temperature: hwmon': 'cat /sys/class/hwmon/hwmon0/temp1_input',
  'memory: free': "free --bytes | awk '{ print $1, $2 }'",
  'memory: total': 'grep -E "MemTotal|SwapTotal" /proc/meminfo',
  'memory: shared segments': 'ipcs -m',
  'load: pressure': 'wc -l < /proc/pressure/cpu',
  'cpu: count': 'nproc; grep -c ^processor /proc/cpuinfo',
  'time: boot': 'uptime --since; grep btime /proc/stat',
  'time: zone': 'date +%Z%z',
  'name: host': 'hostname; uname -n; cat /proc/sys/kernel/hostname',
  'name: kernel': 'uname -rsm; cat /etc/os-release',
  'accounts: logged in': 'who',
  'accounts: names': 'getent passwd alice; getent group chimed',
  'backups: age': 'stat --format="%Y %s" /var/backups/last',
  'kernel: settings': 'cat /proc/sys/fs/file-max /proc/sys/vm/swappiness',
};

/** What the sandbox keeps from sources must fail: an answer would be false. */
const refused: Record<string, string> = {
  ps: 'ps ax',
  pgrep: 'pgrep --count systemd',
  top: 'top --batch --iterations=1',
  'another process': 'cat /proc/1/status',
  'an Internet socket': 'python3 -I -c "import socket; socket.socket(socket.AF_INET)"',
  'a new file': 'touch /var/new',
  'the kernel log': 'dmesg',
};

/** Listens on a Unix socket and on a port, which it prints, until its input ends. */
const HTTP_SERVER = `
import http.server, os, socketserver, sys, threading
class Open(http.server.BaseHTTPRequestHandler):
    address_string = lambda self: ""
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"open")
local = socketserver.UnixStreamServer("/run/shop.sock", Open)
os.chmod("/run/shop.sock", 0o666)
server = http.server.HTTPServer(("127.0.0.1", 0), Open)
for one in local, server:
    threading.Thread(target=one.serve_forever, daemon=True).start()
print(server.server_port)
sys.stdin.read()`;

const asTopics = (asked: Record<string, string>): object =>
  Object.fromEntries(
    Object.values(asked).map((script, index) => [
      `q.${index}`,
      { interval: '1h', timeout: '20s', command: ['/bin/sh', '-c', withStatus(script)] },
    ]),
  );
/** Readings of the host, each by a topic of its own. */
const readings = ['disks', 'io', 'network', 'pressure', 'cpu', 'files'] as const;
type Readings = Record<(typeof readings)[number], unknown>;
const readingTopics = Object.fromEntries(
  readings.map((host) => [`h.${host}`, { interval: '1h', timeout: '20s', host }]),
);
const withStatus = (script: string): string => `{ ${script}\n} 2>&1; echo "exit $?"`;

describe.skipIf(whyNot())('a source in the sandbox', () => {
  let machine: Machine;

  /** Asks all questions by topics of the service. */
  async function inside(asked: Record<string, string>): Promise<Record<string, string>> {
    await machine.write(CONFIG, JSON.stringify({ topics: asTopics(asked) }));
    await machine.run('systemctl', 'reload', 'chimed');
    const names = Object.keys(asked);
    const lines = await machine.run('chimed', 'listen', 'q.>', '--json', '--count', String(names.length));
    const answers = lines
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { topic: string; data: unknown })
      .map(({ topic, data }) => [names[Number(topic.slice(2))]!, String(data).trim()] as const);
    return Object.fromEntries(answers);
  }

  /** Samples the readings by topics of the service. */
  async function readInside(): Promise<Readings> {
    await machine.write(CONFIG, JSON.stringify({ topics: readingTopics }));
    await machine.run('systemctl', 'reload', 'chimed');
    const count = String(readings.length);
    const lines = await machine.run('chimed', 'listen', 'h.>', '--json', '--count', count);
    const messages = lines
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { topic: string; data: unknown });
    return Object.fromEntries(messages.map(({ topic, data }) => [topic.slice(2), data])) as Readings;
  }

  /** Samples them as a user who has no rights, without the service. */
  async function readOutside(): Promise<Readings> {
    await machine.write('/srv/readings.json', JSON.stringify({ topics: readingTopics }));
    const read = async (reading: string): Promise<[string, unknown]> => {
      const sample = ['chimed', 'sample', `h.${reading}`, '--config', '/srv/readings.json'];
      return [reading, JSON.parse(await machine.run('runuser', '-u', 'mallory', '--', ...sample))];
    };
    return Object.fromEntries(await Promise.all(readings.map(read))) as Readings;
  }

  /** Asks one question as a user who has no rights. */
  async function outside(script: string): Promise<string> {
    return (await machine.run('runuser', '-u', 'mallory', '--', '/bin/sh', '-c', withStatus(script))).trim();
  }

  beforeAll(async () => {
    machine = await installedMachine({ topics: {} });
    // Services of packages that are installed here, such as PostgreSQL, would send over lo while the test looks.
    await machine.sh(`systemctl list-units --plain --no-legend --type=service --state=running,activating |
      cut -d ' ' -f 1 | grep -Ev '^(systemd-|user@|dbus|chimed|console-getty)' | xargs --no-run-if-empty systemctl stop`);
    // What a machine has: file systems, traffic, a service that failed, sensors, a backup. All of it came after the service.
    await machine.sh(`
      mkdir -p /data /mnt/later /var/backups
      mount -t tmpfs -o size=64M tmpfs /data; head -c 13M /dev/zero > /data/x
      mount -t tmpfs -o size=48M homes /home; head -c 7M /dev/zero > /home/x
      mount -t tmpfs -o size=32M,ro later /mnt/later
      mount -t tmpfs sensors /sys/class/thermal; mkdir /sys/class/thermal/thermal_zone0
      echo 42000 > /sys/class/thermal/thermal_zone0/temp
      if [ -d /sys/class/hwmon ]; then
        mount -t tmpfs sensors /sys/class/hwmon; mkdir /sys/class/hwmon/hwmon0
        echo 51000 > /sys/class/hwmon/hwmon0/temp1_input
      fi
      ip link set lo up
      python3 -I -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); [s.sendto(b"x", ("127.0.0.1", 9)) for _ in range(100)]'
      ipcmk --shmem 4096
      systemd-run --quiet --unit=broken false || true
      echo backup > /var/backups/last; touch --date=2026-01-02 /var/backups/last
      hostname renamed`);
  });

  afterAll(() => machine?.[Symbol.asyncDispose]());

  test('gets the same answers as anybody else', async () => {
    const answers = await inside(questions);
    const expected: Record<string, string> = {};
    for (const [name, script] of Object.entries(questions)) expected[name] = await outside(script);
    expect(answers).toEqual(expected);
    expect(answers['network: /proc/net/dev']).toMatch(/lo: +[1-9]/);
    expect(answers['services: one that runs']).toBe('active\nexit 0');
    expect(answers['services: all that have failed']).toContain('broken.service');
    expect(answers['temperature: thermal zone']).toBe('42000\nexit 0');
    expect(answers['name: host']).toMatch(/^renamed/);
    saw('questions answered inside as outside', `${Object.keys(questions).length}`);
  });

  test('reads the host as anybody else does', async ({ skip }) => {
    // A disk that is mounted once the service runs, and one that is read-only, beside bind mounts of them.
    const { code, stderr } = await machine.attempt(
      'sh',
      '-euc',
      `[ -e /dev/loop-control ] || mknod /dev/loop-control c 10 237
      for n in 0 1 2 3 4 5 6 7 8 9; do [ -e /dev/loop$n ] || mknod /dev/loop$n b 7 $n; done
      mkdir -p '/mnt/a disk' /mnt/worn /mnt/w /home/alice/own
      for n in 1 2 3; do truncate --size=24M /srv/$n.img; mkfs.ext4 -q /srv/$n.img; done
      mount -o loop /srv/1.img '/mnt/a disk'; head -c 5M /dev/zero > '/mnt/a disk/x'
      mount -o loop,ro /srv/2.img /mnt/worn; mount --bind /mnt/worn/lost+found /mnt/w
      mount -o loop /srv/3.img /home/alice/own; chmod 700 /home/alice`,
    );
    if (code !== 0) skip(`loop devices are needed for disks: ${stderr}`);
    const before = await readOutside();
    const read = await readInside();
    const after = await readOutside();

    const df =
      'df --block-size=1 --output=source,fstype,size,used,avail,itotal,iused "/mnt/a disk" /mnt/worn';
    const said = (await outside(df)).split('\n').slice(1, 3);
    const disks = read.disks as Record<string, unknown>[];
    const images = disks.filter(({ mount }) => ['/mnt/a disk', '/mnt/worn'].includes(mount as string));
    const figures = ['device', 'type', 'size', 'used', 'free', 'inodes', 'inodesUsed'];
    expect(images.map((disk) => figures.map((figure) => String(disk[figure])))).toEqual(
      said.map((line) => line.split(/ +/)),
    );
    expect(images.map(({ readOnly }) => readOnly)).toEqual([false, true]);
    const own = disks.find(({ mount }) => mount === '/home/alice/own');
    expect(own).toMatchObject({ error: expect.stringMatching(/^EACCES: permission denied/) });
    expect(images, 'nothing else moves while the test looks').toEqual(
      (before.disks as typeof images).filter(({ mount }) => images.some((image) => image['mount'] === mount)),
    );
    const lasting = ({ disks: all }: Readings): unknown =>
      (all as typeof images).map(({ mount, device, type, readOnly, size }) => [
        mount,
        device,
        type,
        readOnly,
        size,
      ]);
    expect(lasting(read)).toEqual(lasting(before));
    expect(await outside('df --output=target -x tmpfs -x devtmpfs')).toContain('/mnt/worn');

    // Counters only grow, so the true ones are between two that were read outside.
    for (const reading of ['io', 'network', 'pressure'] as const) {
      const [low, value, high] = [before, read, after].map((all) => totalsIn(all[reading]));
      expect(Object.keys(value!), reading).toEqual(Object.keys(low!));
      for (const [counter, figure] of Object.entries(value!)) {
        expect(figure, `${reading} ${counter}`).toBeGreaterThanOrEqual(low![counter]!);
        expect(figure, `${reading} ${counter}`).toBeLessThanOrEqual(high![counter]!);
      }
      saw(`counters of ${reading} inside as outside`, Object.keys(value!).length);
    }
    expect(read.network).toMatchObject({ lo: { up: true, state: 'unknown', speed: null, rates: null } });
    const [low, value, high] = [before, read, after].map(
      ({ cpu }) => cpu as { busy: number; cores: unknown[]; states: Record<string, number> },
    );
    expect(value!.cores).toHaveLength(Number((await outside('nproc')).split('\n')[0]));
    for (const [state, share] of Object.entries(value!.states)) {
      expect(share, state).toBeGreaterThanOrEqual(
        Math.min(low!.states[state]!, high!.states[state]!) - 0.002,
      );
      expect(share, state).toBeLessThanOrEqual(Math.max(low!.states[state]!, high!.states[state]!) + 0.002);
    }
    const { open, inodes, ...limits } = read.files as Record<string, number>;
    expect(before.files).toMatchObject(limits);
    const [opened = NaN] = (await outside('cat /proc/sys/fs/file-nr')).split('\t').map(Number);
    expect(Math.abs(open! - opened)).toBeLessThan(opened / 2);
    expect(inodes).toBeGreaterThan(0);
    saw('readings inside as outside', readings.length);
    await machine.run('umount', '/mnt/a disk', '/mnt/w', '/mnt/worn', '/home/alice/own');
  });

  test('gets no answer where the true one is kept from it', async () => {
    const answers = await inside(refused);
    for (const [name, answer] of Object.entries(answers)) {
      expect(answer, name).not.toMatch(/exit 0$/);
      expect(answer, name).toMatch(/denied|not permitted|not supported|No such file|Read-only/i);
      saw(`refused: ${name}`, answer.split('\n').at(-2)!);
    }
  });

  test('gets them with the drop-in for them', async () => {
    const dropIn = '/etc/systemd/system/chimed.service.d/sources.conf';
    await machine.sh(`mkdir -p $(dirname ${dropIn})
      sed -E '/^#(ProtectProc|InaccessiblePaths|RestrictAddressFamilies|SystemCallFilter)=/s/^#//' \\
        /usr/local/lib/chimed/current/systemd/sources.conf.example > ${dropIn}
      systemctl daemon-reload; systemctl restart chimed`);
    const { pgrep, ...answers } = await inside({
      pgrep: 'pgrep --exact systemd',
      'an Internet socket': 'python3 -I -c "import socket; socket.socket(socket.AF_INET)"',
      ip: 'ip -stats link show lo | grep -o LOOPBACK',
    });
    expect(pgrep).toMatch(/^1\n/);
    expect(answers).toEqual({ 'an Internet socket': 'exit 0', ip: 'LOOPBACK\nexit 0' });
    await machine.sh(`rm -r $(dirname ${dropIn}); systemctl daemon-reload; systemctl restart chimed`);
  });

  test('checks HTTP endpoints on the network with the drop-in alone, and those on Unix sockets without', async () => {
    const server = machine.start('python3', '-I', '-u', '-c', HTTP_SERVER);
    const [port] = await server.stdout.take(1);
    const urls = { 'h.address': `http://127.0.0.1:${port}/`, 'h.name': `http://shop.example:${port}/` };
    const onNetwork = Object.entries(urls).map(([name, url]) => [name, { interval: '1h', http: { url } }]);
    const topics = {
      ...Object.fromEntries(onNetwork),
      'h.socket': { interval: '1h', http: { url: 'http://localhost/', socket: '/run/shop.sock' } },
    };
    await machine.write(CONFIG, JSON.stringify({ topics }));
    await machine.run('systemctl', 'reload', 'chimed');
    const sampled = (topic: string) => machine.attempt('chimed', 'sample', topic);
    const dropIn = '/etc/systemd/system/chimed.service.d/sources.conf';
    for (const topic of Object.keys(urls))
      expect((await sampled(topic)).stderr).toBe(
        `chimed: ${topic}: this process cannot use the network; for the service, uncomment the lines about the network in ${dropIn} (see docs/service.md)\n`,
      );
    expect((await sampled('h.socket')).stdout).toMatch(/^\{"status":200,"ms":[\d.]+,"body":"open"\}$/m);
    const { stderr: doubt } = await machine.attempt('chimed', 'check');
    expect(doubt).toBe(
      `chimed: h.address and 1 more topics: http needs the network, which RestrictAddressFamilies= of the installed chimed.service forbids; uncomment the lines about the network in ${dropIn} (see docs/service.md)\n`,
    );
    saw('doubt of check', doubt.trim());

    await machine.sh(`mkdir -p $(dirname ${dropIn})
      sed -E '/^#(RestrictAddressFamilies|IPAddressDeny)=/s/^#//' \\
        /usr/local/lib/chimed/current/systemd/sources.conf.example > ${dropIn}
      echo '127.0.0.1 shop.example' >> /etc/hosts
      systemctl daemon-reload; systemctl restart chimed`);
    for (const topic of Object.keys(topics))
      expect((await sampled(topic)).stdout).toMatch(/^\{"status":200,"ms":[\d.]+,"body":"open"\}$/m);
    expect((await machine.attempt('chimed', 'check')).stderr).toBe('');
    await machine.sh(`rm -r $(dirname ${dropIn}); systemctl daemon-reload; systemctl restart chimed`);
    server.child.stdin!.end();
    await server.ended;
  });

  test('cannot make an Internet socket by io_uring, which the filter of 0.1 let through', async () => {
    const program = ['/usr/bin/python3', '-I', `${CHECKOUT}/test/system/io-uring.py`];
    const before = await machine.run(
      'systemd-run',
      '--quiet',
      '--wait',
      '--pipe',
      '--property=User=mallory',
      '--property=RestrictAddressFamilies=AF_UNIX',
      '--property=NoNewPrivileges=yes',
      '--property=SystemCallArchitectures=native',
      '--property=SystemCallFilter=@system-service @pkey',
      '--property=SystemCallFilter=~@privileged @resources',
      '--property=SystemCallErrorNumber=EPERM',
      ...program,
    );
    expect(before).toBe('socket: EAFNOSUPPORT; io_uring: a socket of AF_INET\n');
    const { ring } = await inside({ ring: program.join(' ') });
    expect(ring).toBe('socket: EAFNOSUPPORT; io_uring: EPERM\nexit 0');
    saw('under the filter of 0.1', before.trim());
    saw('under the filter now', ring!.split('\n')[0]!);
  });
});

/** Every number below `total` or `totals`, by its path. */
function totalsIn(reading: unknown, path = ''): Record<string, number> {
  if (typeof reading === 'number') return /\.totals?\b/.test(path) ? { [path]: reading } : {};
  const parts = typeof reading === 'object' ? Object.entries(reading ?? {}) : [];
  return Object.assign({}, ...parts.map(([key, part]) => totalsIn(part, `${path}.${key}`))) as Record<
    string,
    number
  >;
}
