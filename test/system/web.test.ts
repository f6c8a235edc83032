import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { CONFIG, fromCheckout, installedMachine, verified } from './installed.ts';
import { whyNot } from './machine.ts';
import type { Machine, Result } from './machine.ts';
import { saw } from './seen.ts';

const open = { interval: '1s', data: 'hello', always: true };
const secret = { interval: '1s', data: 'psst', always: true, access: { subscribe: ['alice'] } };
const config = { topics: { open, secret } };
const SOCKET = '/run/chimed/web.sock';
const TOKEN = '/etc/credstore/chimed-web-token';
const DROP_IN = '/etc/systemd/system/chimed-web.socket.d/port.conf';

/** An answer, or why curl got none. */
interface Answer {
  status: number;
  body: string;
  /** curl's: 7 if the connection was refused. */
  exit: number;
}

describe.skipIf(whyNot())('the service chimed-web', () => {
  let machine: Machine;

  const curl = async (user: string, ...args: string[]): Promise<Answer> => {
    const options = ['--silent', '--max-time', '30', '--write-out', '\n%{http_code}'];
    const { code, stdout } = await machine.attempt('runuser', '-u', user, '--', 'curl', ...options, ...args);
    const [, body = '', status] = /^(.*)\n(\d+)$/s.exec(stdout) ?? [];
    return { status: Number(status), body, exit: code };
  };
  const get = (user: string, path: string): Promise<Answer> =>
    curl(user, '--unix-socket', SOCKET, `http://chimed${path}`);
  const getByPort = (port: number, path: string, token?: string): Promise<Answer> => {
    const header = token === undefined ? [] : ['--header', `Authorization: Bearer ${token}`];
    return curl('mallory', ...header, `http://127.0.0.1:${port}${path}`);
  };
  const topicsOf = ({ body }: Answer): string[] =>
    (JSON.parse(body) as { topics: { topic: string }[] }).topics.map(({ topic }) => topic);
  const state = (unit: string): Promise<string> => machine.property(unit, 'ActiveState');
  const pid = (): Promise<string> => machine.property('chimed-web.service', 'MainPID');
  const configure = (value: object): Promise<void> => machine.write(CONFIG, JSON.stringify(value));

  beforeAll(async () => {
    machine = await installedMachine(config);
    await machine.sh('useradd bob; usermod -aG chimed bob; ip link set lo up');
  });

  afterAll(() => machine?.[Symbol.asyncDispose]());

  test('is off until it is enabled', async () => {
    for (const unit of ['chimed-web.socket', 'chimed-web.service']) {
      expect((await machine.attempt('systemctl', 'is-enabled', unit)).stdout).toBe('disabled\n');
      expect(await state(unit)).toBe('inactive');
    }
    await machine.run('test', '!', '-e', SOCKET);
  });

  test('has units in which systemd finds no fault, and little exposure', async () => {
    expect(await verified(machine, 'chimed-web.service', 'chimed-web.socket')).toEqual({ code: 0, said: '' });
    const report = await machine.run('systemd-analyze', 'security', '--no-pager', 'chimed-web.service');
    const exposure = Number(/Overall exposure level for chimed-web.service: ([\d.]+)/.exec(report)?.[1]);
    saw('systemd-analyze security, chimed-web', exposure);
    expect(exposure).toBeLessThanOrEqual(1.2); // 0.9 of it are the loopback port and Netlink.
  });

  test('starts with the first connection, and not before', async () => {
    await machine.run('systemctl', 'enable', '--now', 'chimed-web.socket');
    expect((await machine.run('stat', '--format=%a %U:%G', SOCKET)).trim()).toBe('660 root:chimed');
    expect(await state('chimed-web.service')).toBe('inactive');
    const began = performance.now();
    const answer = await get('root', '/topics');
    saw('chimed-web: first answer, with its start', `${Math.round(performance.now() - began)} ms`);
    expect(answer).toMatchObject({ status: 200, exit: 0 });
    expect(topicsOf(answer)).toEqual(['open', 'secret']);
    expect(await state('chimed-web.service')).toBe('active');
    expect((await machine.run('ps', '-o', 'user=', '-p', await pid())).trim()).toBe('chimed-web');
  });

  test('answers the members of the group; the kernel refuses everybody else', async () => {
    expect(await get('alice', '/topics/open')).toMatchObject({ status: 200, exit: 0 });
    expect((await get('mallory', '/topics/open')).exit).toBe(7);
  });

  test('shows each user the topics that access allows this user', async () => {
    expect((await get('alice', '/topics/secret')).body).toContain('psst');
    expect(topicsOf(await get('alice', '/topics'))).toEqual(['open', 'secret']);
    const refused = await get('bob', '/topics/secret');
    expect([403, 404]).toContain(refused.status);
    expect(topicsOf(await get('bob', '/topics'))).toEqual(['open']);
    saw('bob asks for a topic of alice', refused.body.trim());
  });

  test('is back after SIGKILL, and the request of the meantime is answered', async () => {
    const killed = await pid();
    await machine.run('kill', '-KILL', killed);
    const began = performance.now();
    expect(await get('alice', '/topics/open')).toMatchObject({ status: 200 });
    saw('chimed-web: answer after SIGKILL', `${Math.round(performance.now() - began)} ms`);
    expect(await pid()).not.toBe(killed);
    expect(await machine.property('chimed-web.service', 'NRestarts')).toBe('1');
  });

  test('answers 503 without a daemon, does not start it, and answers again when it is back', async () => {
    await machine.run('systemctl', 'stop', 'chimed.socket');
    const answer = await get('alice', '/topics');
    expect(answer.status).toBe(503);
    expect(answer.body).toMatch(/"code":"no-daemon","message":"no daemon .* is chimed running\?/);
    expect(await state('chimed.service')).toBe('inactive');
    saw('chimed-web without a daemon', answer.body.trim());
    await machine.run('systemctl', 'start', 'chimed.socket', 'chimed.service');
    await machine.sh(
      `until curl --silent --fail --unix-socket ${SOCKET} http://chimed/topics > /dev/null; do sleep 0.1; done`,
    );
    expect((await get('alice', '/topics')).status).toBe(200);
  });

  test('says why it cannot start, and starts with the next request once the file is mended', async () => {
    await machine.write(CONFIG, 'topics: { t: { interval: 1 } }\n');
    expect((await machine.attempt('systemctl', 'restart', 'chimed-web.service')).code).not.toBe(0);
    const [asRoot, asAlice] = [await get('root', '/topics'), await get('alice', '/topics')];
    for (const { status } of [asRoot, asAlice]) expect(status).toBe(503);
    expect(asRoot.body).toContain('topics.t.interval: expected a duration');
    expect(JSON.parse(asAlice.body)).toEqual({
      error: {
        code: 'bad-config',
        message:
          'chimed web cannot start: its configuration has mistakes. Ask an administrator to look at `systemctl status chimed-web`.',
      },
    });
    await machine.sh('until systemctl is-failed --quiet chimed-web.service; do sleep 0.1; done');
    expect(await machine.property('chimed-web.service', 'ExecMainStatus')).toBe('78');
    expect(await state('chimed-web.socket')).toBe('active');
    await configure(config);
    expect((await get('alice', '/topics/open')).status).toBe(200);
  });

  test('opens a loopback port with the drop-in, for requests with the token of the credential', async () => {
    await machine.sh(`
      openssl rand -hex 32 | install -D -m 600 /dev/stdin ${TOKEN}
      install -D -m 644 /usr/local/lib/chimed/current/systemd/web.conf.example ${DROP_IN}
      systemctl daemon-reload; systemctl restart chimed-web.socket`);
    const token = (await machine.run('cat', TOKEN)).trim();
    const answer = await getByPort(8080, '/topics', token);
    expect(answer.status).toBe(200);
    expect(topicsOf(answer)).toEqual(['open']); // A topic with access is for users, and a port knows none.
    for (const wrong of [undefined, 'x'.repeat(64)]) {
      expect((await getByPort(8080, '/topics', wrong)).status).toBe(401);
    }
    expect((await get('alice', '/topics/secret')).status).toBe(200);
  });

  test('opens web.address as well, unless the socket unit has a port', async () => {
    const token = (await machine.run('cat', TOKEN)).trim();
    await configure({ ...config, web: { address: '127.0.0.1:8081' } });
    await machine.run('systemctl', 'restart', 'chimed-web.service');
    expect((await getByPort(8080, '/topics', token)).status).toBe(200);
    expect((await getByPort(8081, '/topics', token)).exit).toBe(7);
    await machine.sh(
      `rm -r $(dirname ${DROP_IN}); systemctl daemon-reload; systemctl restart chimed-web.socket`,
    );
    await machine.run('systemctl', 'start', 'chimed-web.service');
    expect((await getByPort(8080, '/topics', token)).exit).toBe(7);
    expect((await getByPort(8081, '/topics', token)).status).toBe(200);
    expect((await get('alice', '/topics/open')).status).toBe(200);
    await machine.run('rm', TOKEN);
    await machine.attempt('systemctl', 'restart', 'chimed-web.service');
    expect((await get('root', '/topics')).body).toContain(`write the token to ${TOKEN}`);
    await configure(config);
    await machine.run('systemctl', 'restart', 'chimed-web.service');
  });

  test('is restarted by an upgrade, and its socket stays open', async () => {
    const before = await pid();
    const opened = await machine.property('chimed-web.socket', 'ActiveEnterTimestampMonotonic');
    await using requests = machine.start(
      'sh',
      '-c',
      `until [ -e /run/enough ]; do curl --silent --max-time 30 --output /dev/null --unix-socket ${SOCKET} --write-out '%{exitcode} %{http_code}\\n' http://chimed/healthz; done`,
    );
    await requests.stdout.take(3);
    expect(await machine.run(...fromCheckout, 'service', 'install')).toContain(
      'systemctl try-restart chimed-web.service\n',
    );
    await machine.write('/run/enough', '');
    await requests.ended;
    const refused = requests.stdout.items.filter((line) => line.startsWith('7 '));
    expect(refused).toEqual([]);
    saw('upgrade under requests to chimed-web', `${requests.stdout.items.length} requests, 0 refused`);
    expect(await pid()).not.toBe(before);
    expect(await machine.property('chimed-web.socket', 'ActiveEnterTimestampMonotonic')).toBe(opened);
    const running = await machine.run('readlink', `/proc/${await pid()}/exe`);
    const current = await machine.run('readlink', '--canonicalize', '/usr/local/lib/chimed/current/bin/node');
    expect(running).toBe(current);
  });

  test('that is stopped leaves nothing, and an upgrade does not start it', async () => {
    await machine.run('systemctl', 'stop', 'chimed-web.socket');
    expect(await state('chimed-web.service')).toBe('inactive');
    await machine.run('test', '!', '-e', SOCKET);
    expect((await machine.attempt('pgrep', '--uid', 'chimed-web')).code).toBe(1);
    await machine.run(...fromCheckout, 'service', 'install');
    expect(await state('chimed-web.socket')).toBe('inactive');
    expect(await state('chimed-web.service')).toBe('inactive');
  });

  test('is removed by uninstall, also while it runs, and by --purge with its user and its token', async () => {
    await machine.run('systemctl', 'start', 'chimed-web.socket');
    expect((await get('alice', '/topics/open')).status).toBe(200);
    await machine.write(TOKEN, 'x'.repeat(32));
    await machine.write(DROP_IN, '[Socket]\nListenStream=127.0.0.1:8080\n');
    await machine.run('chimed', 'service', 'uninstall', '--purge');
    expect((await machine.attempt('systemctl', 'status', 'chimed-web.socket')).code).toBe(4);
    expect((await machine.attempt('getent', 'passwd', 'chimed-web')).stdout).toBe('');
    expect((await machine.attempt('getent', 'group', 'chimed-web')).stdout).toBe('');
    const places = '/etc /run /usr/local /var/lib /var/cache';
    const left: Result = await machine.attempt(
      'sh',
      '-c',
      `find ${places} -name '*chimed*' -not -path '/run/host/*'`,
    );
    expect(left.stdout).toBe('');
  });
});
