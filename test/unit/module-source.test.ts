import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';

import { moduleSource, stampOf } from '../../src/sources/modules/module.ts';
import type { Source, SourceContext } from '../../src/sources/source.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import type { Folder } from '../helpers/folder.ts';
import { Logbook } from '../helpers/logbook.ts';
import { isAlive } from '../helpers/processes.ts';
import { sourceContext } from '../helpers/source-context.ts';

const PATIENCE = { interval: 5, timeout: 10_000 };

/** A source of a module that is really there, in a directory of its own. Its process ends with its scope. */
class Sample implements Disposable {
  readonly folder: Folder = temporaryFolder();
  readonly #source: Source;
  period = new AbortController();

  constructor(code: string, options: Partial<SourceContext> = {}) {
    writeFileSync(this.folder.file('source.mjs'), code);
    this.#source = moduleSource(
      { module: 'source.mjs' },
      sourceContext(this.folder.path, { topic: this.folder.path, ...options }),
    );
  }

  readonly sample = async (): Promise<unknown> => this.#source.sample(this.period.signal);

  /** Has the topic fall asleep and wake. */
  nap(): void {
    this.period.abort();
    this.period = new AbortController();
  }

  has(name: string): boolean {
    return existsSync(this.folder.file(name));
  }

  [Symbol.dispose](): void {
    this.period.abort();
    this.folder[Symbol.dispose]();
  }
}

async function stamp(code: string, options: Partial<SourceContext> = {}): Promise<string> {
  using folder = temporaryFolder();
  writeFileSync(folder.file('source.mjs'), code);
  return await stampOf(
    { module: 'source.mjs' },
    sourceContext(folder.path, { topic: folder.path, ...options }),
  );
}

async function hasEnded(pid: number): Promise<void> {
  await vi.waitUntil(() => !isAlive(pid), PATIENCE);
}

describe.concurrent('a module gives', () => {
  test.each([
    ['a value', 'export default () => ({ a: 1 });'],
    ['a promise of one', 'export default async () => ({ a: 1 });'],
  ])('%s', async (_, code) => {
    using module = new Sample(code);
    expect(await module.sample()).toEqual({ a: 1 });
  });

  test('what it makes of its topic, its signal and its own state', async () => {
    using module = new Sample(
      'let count = 0; export default ({ topic, signal }) => [topic, signal.aborted, ++count];',
    );
    expect(await module.sample()).toEqual([expect.any(String), false, 1]);
    expect(await module.sample()).toEqual([expect.any(String), false, 2]);
  });

  test('a payload of exactly maxBytes', async () => {
    using module = new Sample('let n = 8; export default () => "x".repeat(n++);', { maxBytes: 10 });
    expect(await module.sample()).toBe('xxxxxxxx');
    await expect(module.sample()).rejects.toThrow('the payload has more than 10 bytes (maxBytes)');
  });
});

describe.concurrent('a module logs', () => {
  test('with fields, without, with an error, and what it prints', async () => {
    const logger = new Logbook();
    const code = `export default ({ log }) => {
      log.warn({ a: 1, err: new Error('why') }, 'with fields');
      log.info('without');
      console.log('printed');
      return 1;
    };`;
    using module = new Sample(code, { logger });
    await module.sample();
    await vi.waitUntil(() => logger.lines.length === 3, PATIENCE);
    expect(logger.lines).toEqual(
      expect.arrayContaining([
        {
          level: 'warn',
          message: 'with fields',
          topic: module.folder.path,
          a: 1,
          err: expect.objectContaining({ message: 'why' }),
        },
        { level: 'info', message: 'without', topic: module.folder.path },
        { level: 'info', message: 'printed', topic: module.folder.path, output: 'stdout' },
      ]),
    );
  });

  test('nothing of how its process is started, if that fails', async () => {
    const logger = new Logbook();
    using folder = temporaryFolder();
    const source = moduleSource(
      { module: 'source.mjs', directory: folder.file('none') },
      sourceContext(folder.path, { topic: folder.path, logger }),
    );
    await expect(source.sample(new AbortController().signal)).rejects.toThrow(
      'it cannot enter its directory',
    );
    expect(logger.lines).toEqual([]);
  });

  test('at most 20 lines a second, and then how many more there were', async () => {
    const logger = new Logbook();
    const code = `export default ({ log }) => { for (let i = 0; i < 1000; i++) log.info({ i }, 'line'); return 1; };`;
    using module = new Sample(code, { logger });
    await module.sample();
    const dropped = (): number[] =>
      logger.lines.flatMap((line) => ('dropped' in line ? [Number(line['dropped'])] : []));
    const logged = (): number => logger.lines.length - dropped().length;
    const lost = (): number => dropped().reduce((one, other) => one + other, 0);
    await vi.waitUntil(() => logged() + lost() === 1000, PATIENCE);
    expect(logger.lines.findIndex((line) => 'dropped' in line)).toBe(20);
    expect(logged()).toBeLessThan(1000);
  });
});

describe.concurrent('a sample fails, and the next is taken, when a module', () => {
  /** Misbehaves at its first call ever, and not in the process that follows. */
  const once = (bad: string): string => `
    import fs from 'node:fs';
    export default async ({ signal }) => {
      if (fs.existsSync('was-here')) return 'well';
      fs.writeFileSync('was-here', '');
      ${bad}
      return 'not reached';
    };`;

  test.each([
    ['throws', 'throw new Error("broken");', /^broken$/],
    ['throws what is no error', 'throw { toString() { throw 1; } };', /cannot be shown/],
    [
      'rejects somewhere else',
      'void Promise.reject(new Error("broken")); await new Promise(() => {});',
      /^the module failed: broken$/,
    ],
    [
      'throws in a timer',
      'setTimeout(() => { throw new Error("late"); }); await new Promise(() => {});',
      /^the module failed: late$/,
    ],
    ['exits', 'process.exit(0);', /^the module failed: its process exited with 0$/],
    ['kills itself', 'process.kill(process.pid, "SIGKILL");', /its process was ended by SIGKILL/],
    ['kills its process group', 'process.kill(0, "SIGKILL");', /its process was ended by SIGKILL/],
    ['never settles', 'await new Promise(() => {});', /^the module took longer than 500 ms \(timeout\)$/],
    ['blocks its thread', 'for (;;);', /^the module took longer than 500 ms \(timeout\)$/],
    ['returns nothing', 'return undefined;', /returned no value that JSON can represent/],
    ['returns a function', 'return () => 1;', /has a function, which JSON cannot represent/],
    ['returns a BigInt', 'return { a: 1n };', /a bigint at a, which JSON cannot represent/],
    ['returns what leads to itself', 'const a = {}; a.a = a; return a;', /circular/],
    [
      'returns what is no number',
      'return { a: [NaN] };',
      /the payload has NaN at 0, which JSON cannot represent/,
    ],
    ['returns more than maxBytes', 'return "x".repeat(1001);', /more than 1000 bytes/],
    [
      'writes garbage where answers go',
      'fs.writeSync(3, "payload x\\nrubbish\\nlog {\\n\\n"); throw new Error("broken");',
      /^broken$/,
    ],
    [
      'writes too much where answers go',
      'for (;;) try { fs.writeSync(3, "x".repeat(100_000)); } catch {}',
      /it sent more than 1000 bytes/,
    ],
  ])('%s', async (_, bad, message) => {
    using module = new Sample(once(bad), { timeoutMs: 500 });
    await expect(module.sample()).rejects.toThrow(message);
    expect(await module.sample()).toBe('well');
  });

  test('allocates without end: on the heap', async () => {
    using module = new Sample(once('const a = []; for (;;) a.push(Array(1000).fill(Math.random()));'));
    await expect(module.sample()).rejects.toThrow('out of memory (limits: 128 MiB of heap, 256 MiB in all)');
    expect(await module.sample()).toBe('well');
  });

  test.runIf(process.platform === 'linux')('allocates without end: buffers', async () => {
    using module = new Sample(once('const a = []; for (;;) a.push(Buffer.alloc(2 ** 24, 1));'));
    await expect(module.sample()).rejects.toThrow(
      /allocation failed|failed to allocate|out of memory|was ended by/i,
    );
    expect(await module.sample()).toBe('well');
  });

  test('breaks between two samples', async () => {
    const code = `let n = 0; export default () => { if (n++ === 0) setTimeout(() => { throw new Error('between'); }, 1); return process.pid; };`;
    using module = new Sample(code);
    const pid = (await module.sample()) as number;
    await hasEnded(pid);
    await expect(module.sample()).rejects.toThrow('between');
    expect(await module.sample()).not.toBe(pid);
  });
});

describe.concurrent('the process of a module', () => {
  const pid = 'export default () => process.pid;';

  test('is its own, and stays as long as the topic is awake', async () => {
    using module = new Sample(pid);
    const first = await module.sample();
    expect(first).not.toBe(process.pid);
    expect(await module.sample()).toBe(first);
  });

  test('ends when the topic falls asleep, and another is started when it wakes', async () => {
    using module = new Sample(pid);
    const first = (await module.sample()) as number;
    module.nap();
    await hasEnded(first);
    expect(await module.sample()).not.toBe(first);
  });

  test('is kept by a call that takes too long but obeys its signal', async () => {
    const code = `let calls = 0;
      export default ({ signal }) => ++calls === 1
        ? new Promise((resolve) => signal.addEventListener('abort', () => resolve('too late')))
        : calls;`;
    using module = new Sample(code, { timeoutMs: 100 });
    await expect(module.sample()).rejects.toThrow('took longer than 100 ms');
    expect(await module.sample()).toBe(2);
  });

  test('has its call told to stop when the sample is no longer needed', async () => {
    const code = `import fs from 'node:fs';
      export default ({ signal }) => new Promise((resolve) => {
        signal.addEventListener('abort', () => { fs.writeFileSync('told', 'yes'); resolve(1); });
        fs.writeFileSync('begun', '');
      });`;
    using module = new Sample(code);
    const failure = module.sample();
    failure.catch(() => {});
    await vi.waitUntil(() => module.has('begun'), PATIENCE);
    module.nap();
    await failure.catch(() => {});
    expect(readFileSync(module.folder.file('told'), 'utf8')).toBe('yes');
  });

  test('has the environment of a command, and none of the daemon', async () => {
    using module = new Sample('export default () => process.env;');
    const env = (await module.sample()) as Record<string, string>;
    expect(env).toMatchObject({ CHIMED_TOPIC: module.folder.path, PATH: expect.any(String) });
    expect(Object.keys(env).filter((name) => /NOTIFY|NODE_|npm_/.test(name))).toEqual([]);
  });
});

describe.concurrent('a module cannot be loaded', () => {
  test.each([
    ['that has no default export', 'export const sample = 1;', /its default export must be a function/],
    ['whose default export is no function', 'export default 5;', /must be a function/],
    ['that does not parse', 'export default (', /source.mjs cannot be loaded: /],
    ['that throws as it is loaded', 'throw new Error("early");', /source.mjs cannot be loaded: early/],
    [
      'that imports what is not there',
      'import "./nothing.mjs";',
      /source.mjs cannot be loaded: .*nothing.mjs/,
    ],
    [
      'that exits as it is loaded',
      'process.exit(3);',
      /source.mjs cannot be loaded: its process exited with 3/,
    ],
  ])('%s', async (_, code, message) => {
    await expect(stamp(code)).rejects.toThrow(message);
    using module = new Sample(code);
    await expect(module.sample()).rejects.toThrow(message);
  });

  test.each([
    ['waits', 'await new Promise(() => {});'],
    ['blocks', 'for (;;);'],
  ])('that %s for ever as it is loaded', async (_, code) => {
    await expect(stamp(`${code} export default () => 1;`, { timeoutMs: 50 })).rejects.toThrow(
      /source\.mjs cannot be loaded: it took longer than 50 ms \(timeout\)$/,
    );
  });

  test('that is not there', async () => {
    using folder = temporaryFolder();
    const load = stampOf({ module: 'nothing.mjs' }, sourceContext(folder.path));
    await expect(load).rejects.toThrow(/nothing.mjs cannot be loaded: there is no such file$/);
  });
});

test.concurrent(
  'the stamp of a module differs when its file or one that it imports has changed',
  async () => {
    using folder = temporaryFolder();
    mkdirSync(folder.file('lib'));
    writeFileSync(folder.file('lib/a.mjs'), 'export const a = 1;');
    const code = 'import { a } from "./lib/a.mjs"; export default () => a;';
    writeFileSync(folder.file('source.mjs'), code);
    const now = () => stampOf({ module: 'source.mjs' }, sourceContext(folder.path));
    const first = await now();
    expect(await now()).toBe(first);
    writeFileSync(folder.file('lib/a.mjs'), 'export const a = 22;');
    const second = await now();
    expect(second).not.toBe(first);
    writeFileSync(folder.file('source.mjs'), `${code} // other`);
    expect(await now()).not.toBe(second);
  },
);
