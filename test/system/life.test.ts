import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { logEvents } from '../../src/log-events.ts';
import { CONFIG, allReadyAgain, chimedAs, endFleet, installedMachine, startFleet } from './installed.ts';
import { whyNot } from './machine.ts';
import type { Machine } from './machine.ts';
import { saw } from './seen.ts';

const tick = { interval: '100ms', data: 'tock', history: 1000 };
const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

/** No source can block the event loop: this is brought along, and does it at a signal. */
const blocking = `process.on('SIGUSR2', () => { for (;;); });`;
const dropIn = `[Service]
WatchdogSec=2s
Environment=NODE_OPTIONS=--import=/etc/chimed/block.mjs
`;

describe.skipIf(whyNot())('the service', () => {
  let machine: Machine;

  const configure = (topics: object): Promise<void> => machine.write(CONFIG, JSON.stringify({ topics }));
  const state = (unit: string): Promise<string> => machine.property(unit, 'ActiveState');

  beforeAll(async () => {
    machine = await installedMachine({ topics: { tick } });
  });

  afterAll(() => machine?.[Symbol.asyncDispose]());

  test('that is restarted refuses nobody, and nobody misses anything', async () => {
    await using fleet = await startFleet(machine, 200, 'tick');
    for (const times of [1, 2, 3]) {
      await machine.run('systemctl', 'restart', 'chimed');
      await allReadyAgain(fleet, times);
    }
    const report = await endFleet(fleet);
    expect(report.messages).toBeGreaterThan(200);
    expect(report).toMatchObject({ refusals: [], gaps: 0, missed: 0, begunAgain: 0 });
    const { slowestReturnMs, missed, gaps } = report;
    saw('3 restarts under 200 clients, 10 messages/s', `0 refused, ${missed} missed, ${gaps} gaps`);
    saw('  slowest client registered again after', seconds(slowestReturnMs));
  });

  test('that is killed is there again at once, and clients know that the numbering began again', async () => {
    await using fleet = await startFleet(machine, 20, 'tick');
    await machine.run('kill', '-KILL', await machine.property('chimed.service', 'MainPID'));
    await allReadyAgain(fleet);
    const report = await endFleet(fleet);
    expect(report).toMatchObject({ refusals: [], gaps: 0, begunAgain: 20 });
    expect(await machine.property('chimed.service', 'NRestarts')).toBe('1');
    saw('SIGKILL: slowest of 20 clients registered again after', seconds(report.slowestReturnMs));
  });

  test('whose event loop is blocked is ended by the watchdog, and started again', async () => {
    await machine.write('/etc/systemd/system/chimed.service.d/watchdog.conf', dropIn);
    await machine.write('/etc/chimed/block.mjs', blocking);
    await machine.sh('systemctl daemon-reload; systemctl reset-failed chimed; systemctl restart chimed');
    await using fleet = await startFleet(machine, 5, 'tick');
    await machine.run('systemctl', 'kill', '--kill-whom=main', '--signal=SIGUSR2', 'chimed.service');
    await allReadyAgain(fleet);
    const lines = await machine.journal('--unit=chimed.service', '--priority=err');
    expect(lines.map(({ MESSAGE }) => MESSAGE)).toContainEqual(expect.stringContaining('Watchdog timeout'));
    const { slowestReturnMs } = await endFleet(fleet);
    saw('blocked event loop, WatchdogSec=2s: clients back after', seconds(slowestReturnMs));
    await machine.sh('rm -r /etc/systemd/system/chimed.service.d; systemctl daemon-reload');
    await machine.sh('systemctl reset-failed chimed; systemctl restart chimed');
  });

  test('sends to many clients in one system call, and one by one where a filter forbids that', async () => {
    const requests = async (): Promise<string> =>
      (await machine.sh("grep -c '\\[aio\\]' /proc/$(systemctl show -P MainPID chimed)/maps || true")).trim();
    const hear = async (): Promise<void> => {
      await using fleet = await startFleet(machine, 40, 'tick');
      await machine.sh('chimed listen tick --count 3 > /dev/null');
      expect(await endFleet(fleet)).toMatchObject({ refusals: [], gaps: 0, missed: 0 });
    };
    await hear();
    expect(await requests()).toBe('1');
    await machine.write(
      '/etc/systemd/system/chimed.service.d/calls.conf',
      '[Service]\nSystemCallFilter=~@aio\n',
    );
    await machine.sh('systemctl daemon-reload; systemctl restart chimed');
    await hear();
    expect(await requests()).toBe('0');
    await machine.sh(
      'rm -r /etc/systemd/system/chimed.service.d; systemctl daemon-reload; systemctl restart chimed',
    );
  });

  test('finds in its sandbox what commands leave behind, bounds modules, and gives both a clean environment', async () => {
    const eats = 'export default () => { const all = []; for (;;) all.push(Buffer.alloc(2 ** 24, 1)); };';
    await machine.write('/etc/chimed/env.mjs', 'export default () => Object.keys(process.env);');
    await machine.write('/etc/chimed/eats.mjs', eats);
    await configure({
      tick,
      leaves: { interval: '1h', command: '(env -i setsid sleep 7777 &); echo left' },
      module: { interval: '1h', module: 'env.mjs' },
      eats: { interval: '1s', module: 'eats.mjs', always: true },
    });
    await machine.run('systemctl', 'reload', 'chimed');
    expect((await chimedAs(machine, 'alice', 'listen', 'leaves', '--count', '1')).stdout).toContain('left');
    expect((await machine.attempt('pgrep', '-f', 'sleep 7777')).code).toBe(1);
    const { stdout } = await chimedAs(machine, 'alice', 'listen', 'module', '--count', '1');
    expect(stdout).toContain('CHIMED_TOPIC');
    expect(stdout).not.toMatch(/INVOCATION_ID|NOTIFY_SOCKET|STATE_DIRECTORY|JOURNAL_STREAM/);
    const failing = 'journalctl -u chimed TOPIC=eats -o cat | grep -m 1 "source is failing"';
    saw('a module that eats memory', await machine.sh(`until ${failing}; do sleep 0.1; done`));
    await configure({ tick });
    await machine.run('systemctl', 'reload', 'chimed');
  });

  test('that is stopped is woken by the first client', async () => {
    await machine.run('systemctl', 'stop', 'chimed.service');
    expect(await state('chimed.service')).toBe('inactive');
    const began = performance.now();
    const { stdout } = await chimedAs(machine, 'alice', 'listen', 'tick', '--count', '1');
    saw('stopped: first message to the client that woke it after', seconds(performance.now() - began));
    expect(stdout).toContain('tock');
    expect(await state('chimed.service')).toBe('active');
  });

  test('whose accounts are slow to look up reloads without a pause', async () => {
    const fast = { interval: '20ms', data: 'tock', access: { subscribe: ['alice'] } };
    await configure({ fast });
    await machine.run('systemctl', 'reload', 'chimed');
    await machine.sh(`getent=$(command -v getent); mv $getent /run/getent.real
      printf '#!/bin/sh\nsleep 3\nexec /run/getent.real "$@"\n' > $getent; chmod 755 $getent`);
    await using listener = machine.start('chimed', 'listen', 'fast', '--json');
    await listener.stdout.take(10);
    await configure({ fast, other: fast });
    const began = performance.now();
    await machine.run('systemctl', 'kill', '--signal=HUP', '--kill-who=main', 'chimed');
    const reloaded = `MESSAGE_ID=${logEvents.reloaded}`;
    await machine.sh(
      `until journalctl --quiet -u chimed ${reloaded} -o cat | grep -q other; do sleep 0.1; done`,
    );
    const took = performance.now() - began;
    await machine.sh('mv /run/getent.real $(command -v getent)');
    const times = listener.stdout.items.map((line) => (JSON.parse(line) as { time: number }).time);
    const gap = Math.max(...times.slice(1).map((time, index) => time - times[index]!));
    expect(took).toBeGreaterThan(3000);
    expect(gap).toBeLessThan(1000);
    saw(`a reload that took ${seconds(took)}: longest gap of a 20 ms topic`, seconds(gap));
    await configure({ tick });
    await machine.run('systemctl', 'restart', 'chimed');
  });

  test('that ran as a dynamic user keeps its state as a static one', async () => {
    await machine.sh(`systemctl stop chimed.service
      mkdir -p /etc/systemd/system/chimed.service.d
      printf '[Service]\nDynamicUser=yes\nUser=_chimed\n' > /etc/systemd/system/chimed.service.d/old.conf
      systemctl daemon-reload; systemctl start chimed; systemctl stop chimed.service
      test -f /var/lib/private/chimed/state.json
      rm -r /etc/systemd/system/chimed.service.d; systemctl daemon-reload; systemctl start chimed`);
    const listening = await machine.journal('--unit=chimed.service', `MESSAGE_ID=${logEvents.listening}`);
    const [before, after] = listening.slice(-2).map(({ INSTANCE }) => INSTANCE);
    expect(after).toBe(before);
    expect((await machine.run('stat', '--format=%U', '/var/lib/chimed/.')).trim()).toBe('chimed');
  });

  test('makes the socket itself if the socket unit is masked', async () => {
    await machine.sh('systemctl stop chimed.socket; systemctl mask chimed.socket');
    expect(await state('chimed.service')).toBe('inactive'); // It goes with its socket.
    await machine.write(CONFIG, JSON.stringify({ socket: { mode: '0660' }, topics: { tick } }));
    await machine.run('systemctl', 'start', 'chimed');
    const made = await machine.run('stat', '--format=%a %G', '/run/chimed/daemon/chimed.sock');
    expect(made.trim()).toBe('660 chimed');
    const { stdout } = await chimedAs(machine, 'alice', 'listen', 'tick', '--count', '1');
    expect(stdout).toContain('tock');
    expect((await chimedAs(machine, 'mallory', 'status')).code).toBe(77);
    saw('without the socket unit', made.trim());
  });
});
