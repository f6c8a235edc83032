import { utimesSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { moduleSource } from '../../src/sources/module.ts';
import type { SourceContext } from '../../src/sources/source.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import type { Folder } from '../helpers/folder.ts';
import { Logbook } from '../helpers/logbook.ts';
import { sourceContext } from '../helpers/source-context.ts';

const { signal } = new AbortController();
let folder: Folder;

beforeEach(() => {
  folder = temporaryFolder();
  return () => folder[Symbol.dispose]();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Makes a source of a module that is really there. */
function source(code: string, options: Partial<SourceContext> = {}) {
  writeFileSync(folder.file('source.mjs'), code);
  return moduleSource('source.mjs', sourceContext(folder.path, options));
}

describe('a module gives', () => {
  test.each([
    ['a value', 'export default () => ({ a: 1 });'],
    ['a promise of one', 'export default async () => ({ a: 1 });'],
  ])('%s', async (_, code) => {
    const { sample } = await source(code);
    expect(await sample(signal)).toEqual({ a: 1 });
  });

  test('what it makes of its topic, its logger and its own state', async () => {
    const logger = new Logbook();
    const code = `let count = 0;
      export default ({ topic, log, signal }) => {
        log.info({ topic }, 'sampled');
        return [topic, signal.aborted, ++count];
      };`;
    const { sample } = await source(code, { logger });
    expect(await sample(signal)).toEqual(['t', false, 1]);
    expect(await sample(signal)).toEqual(['t', false, 2]);
    expect(logger.lines).toHaveLength(2);
  });

  test('what its file says now, when it is loaded again', async () => {
    const before = await source('export default () => "before";');
    utimesSync(folder.file('source.mjs'), 0, 0);
    const now = await source('export default () => "now";');
    expect([await before.sample(signal), await now.sample(signal)]).toEqual(['before', 'now']);
  });
});

test.each([
  ['throws', 'export default () => { throw new Error("broken"); };'],
  ['rejects', 'export default async () => { throw new Error("broken"); };'],
])('a module that %s fails that sample, and is called again', async (_, code) => {
  const { sample } = await source(code);
  await expect(async () => sample(signal)).rejects.toThrow('broken');
  await expect(async () => sample(signal)).rejects.toThrow('broken');
});

describe('a module that does not settle', () => {
  /** It does once the file's own \`globalThis.settle\` is called, whatever its signal says. */
  const stubborn = `export default ({ signal }) => new Promise((resolve) => {
    globalThis.stubborn = { signal, settle: resolve };
  });`;
  const state = globalThis as unknown as {
    stubborn: { signal: AbortSignal; settle: (value: unknown) => void };
  };

  test('is told to stop after the timeout, and is not called again until it has settled', async () => {
    const { sample } = await source(stubborn, { timeoutMs: 50 });
    await expect(sample(signal)).rejects.toThrow('the module took longer than 50 ms');
    const first = state.stubborn;
    expect(first.signal.aborted).toBe(true);
    expect(() => sample(signal)).toThrow('the module has not settled');
    expect(state.stubborn).toBe(first);
    first.settle('far too late');
    await new Promise(setImmediate);
    const next = sample(signal);
    state.stubborn.settle('well');
    expect(await next).toBe('well');
  });

  test('is told to stop when its sample is not wanted any more', async () => {
    const wanted = new AbortController();
    const { sample } = await source(stubborn);
    const failure = sample(wanted.signal);
    wanted.abort();
    await expect(failure).rejects.toThrow();
    expect(state.stubborn.signal.aborted).toBe(true);
  });

  test('and rejects when nobody waits any more harms nobody', async () => {
    const { sample } = await source(stubborn.replace('(resolve)', '(_, resolve)'), { timeoutMs: 50 });
    await expect(sample(signal)).rejects.toThrow('took longer');
    state.stubborn.settle(new Error('rejected too late')); // Unhandled, it would fail this run.
    await new Promise(setImmediate);
  });
});

describe('a module cannot be loaded', () => {
  test.each([
    [
      'that has no default export',
      'export const sample = 1;',
      /the default export of .*source.mjs must be a function/,
    ],
    ['whose default export is no function', 'export default 5;', /must be a function/],
    ['that does not parse', 'export default (', /source.mjs cannot be loaded: /],
    ['that throws as it is loaded', 'throw new Error("early");', /source.mjs cannot be loaded: early/],
    [
      'that imports what is not there',
      'import "./nothing.mjs";',
      /source.mjs cannot be loaded: .*nothing.mjs/,
    ],
  ])('%s', async (_, code, message) => {
    await expect(source(code)).rejects.toThrow(message);
  });

  test('that waits for ever as it is loaded', async () => {
    const loading = source('await new Promise(() => {}); export default () => 1;', { timeoutMs: 20 });
    await expect(loading).rejects.toThrow(
      /source\.mjs cannot be loaded: it took longer than 20 ms \(timeout\)$/,
    );
  });

  test('that is not there', async () => {
    const load = moduleSource('nothing.mjs', sourceContext(folder.path));
    await expect(load).rejects.toThrow(/ENOENT.*nothing.mjs/);
  });
});
