import { EventEmitter } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';

import type { Client, ClientEvents, Message, Subscription } from '../../src/index.ts';
import { startDaemon } from '../../src/testing.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { isAlive } from '../helpers/processes.ts';
import { Program, root } from '../helpers/program.ts';

test('a daemon of a test is real, and leaves nothing behind', async () => {
  const daemon = await startDaemon({
    topics: { price: { publish: true }, here: { interval: '1h', command: 'pwd' } },
  });
  const client = daemon.connect();
  await client.publish('price', 7);
  for await (const { data } of client.listen('price')) {
    expect(data).toBe(7);
    break;
  }
  expect((await client.sample('here')).data).toBe(daemon.directory);
  await daemon.reload({ topics: { other: { publish: true } } });
  await expect(client.publish('price', 8)).rejects.toMatchObject({ code: 'unknown-topic' });
  await expect(daemon.reload({ topics: { t: {} } })).rejects.toMatchObject({ code: 'bad-config' });
  await daemon.stop();
  expect(client.state.status).toBe('closed');
  expect(isAlive(daemon.pid)).toBe(false);
  expect(existsSync(daemon.directory)).toBe(false);
});

test.each(['SIGTERM', 'SIGKILL'] as const)('a daemon whose test is ended by %s ends, too', async (signal) => {
  using folder = temporaryFolder();
  const script = folder.file('script.ts');
  const topic = `{ interval: '1s', always: true, timeout: '60s', command: 'echo $$ > pid; exec sleep 60' }`;
  writeFileSync(
    script,
    `import { startDaemon } from ${JSON.stringify(`${root}/src/testing.ts`)};
    const daemon = await startDaemon({ topics: { t: ${topic} } });
    console.log(daemon.pid, daemon.directory);
    setInterval(() => {}, 1000);`,
  );
  await using program = new Program([script]);
  const [line] = await program.stdout.take(1);
  const [pid, directory] = line!.split(' ') as [string, string];
  await vi.waitUntil(() => existsSync(`${directory}/pid`), { timeout: 30_000 });
  const command = Number(readFileSync(`${directory}/pid`, 'utf8'));
  await program.kill(signal).ended;
  await vi.waitUntil(() => !isAlive(Number(pid)) && !isAlive(command), { timeout: 30_000 });
  rmSync(directory, { recursive: true, force: true });
});

test('one that does not start says why', async () => {
  await expect(startDaemon({ topics: { t: { interval: 'often', data: 1 } } })).rejects.toThrow(
    /chimed exited with 78: .*topics\.t\.interval: expected a duration/s,
  );
});

test('a client can be faked', async () => {
  /** What a test of a program would give it. */
  class FakeClient extends EventEmitter<ClientEvents> implements Client {
    readonly state = { status: 'connecting', attempt: 1 } as const;
    readonly topics = [];
    readonly position = undefined;
    readonly closed = new Promise<undefined>(() => {});
    listen<T>(topics: string | readonly string[]): Subscription<T> {
      const message = { topic: String(topics), seq: 1, time: 0, data: 5, missed: 0, instance: 'x' };
      const messages = [message as Message<T>];
      const subscription: Subscription<T> = {
        patterns: [],
        next: async () => {
          const value = messages.shift();
          return value ? { done: false, value } : { done: true, value: undefined };
        },
        return: async () => ({ done: true, value: undefined }),
        [Symbol.asyncIterator]: () => subscription,
        [Symbol.asyncDispose]: async () => {},
      };
      return subscription;
    }
    provide = () => {
      throw new Error('not here');
    };
    publish = async (topic: string) => ({ topic, seq: 1 });
    clear = async () => {};
    get = async () => undefined;
    status = async () => await Promise.reject(new Error('not here'));
    sample = async () => await Promise.reject(new Error('not here'));
    reload = async () => await Promise.reject(new Error('not here'));
    close = async () => {};
    [Symbol.asyncDispose] = async () => {};
  }
  const sum = async (client: Client): Promise<number> => {
    let total = 0;
    for await (const { data } of client.listen<number>('price')) total += data;
    return total;
  };
  expect(await sum(new FakeClient())).toBe(5);
});
