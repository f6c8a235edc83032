import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { CONFIG, chimedAs, installedMachine } from './installed.ts';
import { whyNot } from './machine.ts';
import type { Machine } from './machine.ts';
import { saw } from './seen.ts';

const secret = { interval: '1s', data: 'psst', access: { subscribe: ['alice', '@ops'] } };
const open = { interval: '1s', data: 'hello' };
const deploy = { publish: true, access: { publish: ['@ops'] } };

describe.skipIf(whyNot())('access', () => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await installedMachine();
    await machine.sh(`
      groupadd ops
      useradd olga; usermod -aG chimed,ops olga
      useradd bob; usermod -aG chimed bob`);
    await machine.write(CONFIG, JSON.stringify({ topics: { secret, open, deploy } }));
    await machine.run('systemctl', 'reload', 'chimed');
  });

  afterAll(() => machine?.[Symbol.asyncDispose]());

  test.each(['alice', 'olga', 'root'])(
    '%s may hear what she, or a group of hers, is named for',
    async (user) => {
      const { code, stdout } = await chimedAs(machine, user, 'listen', 'secret', '--count', '1');
      expect(stdout).toContain('psst');
      expect(code).toBe(0);
    },
  );

  test('bob may not, is told so, and is logged with his uid', async () => {
    const { code, stderr } = await chimedAs(machine, 'bob', 'listen', 'secret', '--count', '1');
    const uid = (await machine.run('id', '--user', 'bob')).trim();
    expect(stderr).toContain(`the user with uid ${uid} may not register for secret`);
    expect(code).toBe(77);
    const found = await machine.journal('--unit=chimed.service', 'CODE=not-allowed', `CLIENT_UID=${uid}`);
    expect(found).toHaveLength(1);
    saw('bob, who is not named', stderr.trim());
  });

  test('bob hears with a pattern what he may', async () => {
    const { stdout } = await chimedAs(machine, 'bob', 'listen', '>', '--count', '2');
    expect(stdout).toMatch(/open #.*\n.*open #/);
    expect(stdout).not.toContain('secret');
  });

  test('olga may publish, bob may not', async () => {
    expect((await chimedAs(machine, 'olga', 'publish', 'deploy', 'v2')).code).toBe(0);
    const { code, stderr } = await chimedAs(machine, 'bob', 'publish', 'deploy', 'v3');
    expect(stderr).toContain('may not publish to deploy');
    expect(code).toBe(77);
  });

  test('of somebody whom the machine does not know is a mistake in the configuration', async () => {
    const topics = {
      secret: { ...secret, access: { subscribe: ['nobody-of-that-name', '@no-such-group'] } },
    };
    await machine.write(CONFIG, JSON.stringify({ topics }));
    const { code, stderr } = await machine.attempt('chimed', 'check', CONFIG);
    expect(stderr).toContain('topics.secret.access.subscribe: there is no user nobody-of-that-name');
    expect(stderr).toContain('topics.secret.access.subscribe: there is no group no-such-group');
    expect(code).toBe(78);
  });
});
