import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { beforeEach, describe, expect, test, vi } from 'vitest';

import { MessageLog } from '../../src/daemon/topics/message-log.ts';
import { newState, saveState, takeState } from '../../src/daemon/topics/state.ts';
import type { SavedState } from '../../src/daemon/topics/state.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import type { Folder } from '../helpers/folder.ts';
import { Logbook } from '../helpers/logbook.ts';
import { root } from '../helpers/program.ts';
import { decodeFrame } from '../helpers/decode-frame.ts';

const json = (data: unknown): Buffer => Buffer.from(JSON.stringify(data));
const messages = [
  { seq: 56, time: 1795450476642, json: json(1.5) },
  { seq: 57, time: 1795450476742, json: json({ a: ['é\f\n', null] }) },
];
const state: SavedState = {
  instance: 'f00d',
  floor: 9,
  offset: 12,
  topics: new Map([
    ['host.load', { seq: 57, messages, sampled: { time: 1795450476742, source: 'a hash' } }],
    ['__proto__', { seq: 0, messages: [] }],
    ['remote.web2.load', { seq: 90, instance: 'web2-1', origin: true, messages }], // With gaps.
  ]),
};

let folder: Folder;
let file: string;
let logger: Logbook;

beforeEach(() => {
  folder = temporaryFolder();
  file = folder.file('state.json');
  logger = new Logbook();
  return () => folder[Symbol.dispose]();
});

test('each state is a numbering of its own', () => {
  expect(newState()).toEqual({
    instance: expect.stringMatching(/^[0-9a-f]{16}$/),
    floor: 0,
    offset: 0,
    topics: new Map(),
  });
  expect(newState().instance).not.toBe(newState().instance);
});

describe('what was saved', () => {
  test('is taken as it was', () => {
    saveState(file, state);
    expect(takeState(file, logger)).toEqual(state);
    expect(logger.lines).toEqual([]);
  });

  test('is taken only once, so that a daemon that crashes is followed by a new numbering', () => {
    saveState(file, state);
    takeState(file, logger);
    expect(existsSync(file)).toBe(false);
    expect(takeState(file, logger).instance).not.toBe(state.instance);
  });

  test('replaces what was there, is for its owner alone, and leaves nothing beside it', () => {
    saveState(file, { ...state, instance: 'older' });
    saveState(file, state);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder.path)).toEqual(['state.json']);
    expect(takeState(file, logger)).toEqual(state);
  });
});

describe('a new numbering begins', () => {
  const isNew = { instance: expect.stringMatching(/^[0-9a-f]{16}$/), floor: 0, offset: 0, topics: new Map() };

  test('without a word if no file is named, it is not there, or nothing is in it', () => {
    expect(takeState(undefined, logger)).toEqual(isNew);
    expect(takeState(file, logger)).toEqual(isNew);
    writeFileSync(file, '');
    expect(takeState(file, logger)).toEqual(isNew);
    expect(logger.lines).toEqual([]);
  });

  test.each([
    ['a few letters of a state', '{"ver'],
    ['half a state', '{"version":1,"inst'],
    ['all but the end', '{"version":1,"instance":"a","topics":{}'],
    ['another version', '{"version":3,"instance":"a","topics":{}}'],
    ['no topics', '{"version":1,"instance":"a"}'],
    ['a broken numbering', '{"version":1,"instance":"a","topics":{"t":{}}}'],
    ...[
      '{"t":{"seq":1,"messages":[null]}}',
      '{"t":{"seq":1,"messages":[{}]}}',
      '{"t":{"seq":1,"messages":[{"seq":1,"time":1}]}}',
      '{"t":{"seq":1,"messages":[{"seq":1,"time":"1","data":1}]}}',
      '{"t":{"seq":3,"messages":[{"seq":1,"time":1,"data":1}]}}',
      '{"t":{"seq":2,"messages":[{"seq":2,"time":1,"data":1},{"seq":2,"time":1,"data":1}]}}',
      '{"t":{"seq":2,"messages":[{"seq":2,"time":1,"data":1},{"seq":1,"time":1,"data":1}]}}',
      '{"t":{"seq":0,"messages":[{"seq":0,"time":1,"data":1}]}}',
      '{"t":{"seq":-1,"messages":[]}}',
      '{"t":{"seq":9007199254740991,"messages":[]}}',
      '{"t":{"seq":1.5,"messages":[]}}',
      '{"No such topic":{"seq":1,"messages":[]}}',
      '{"chimed.x":{"seq":1,"messages":[]}}',
      '[]',
      '[null]',
    ].map((topics) => [topics, `{"version":1,"instance":"a","topics":${topics}}`]),
    ...[
      '{"version":2,"instance":"a","floor":0,"topics":1}\n',
      '{"version":2,"instance":"a","floor":0,"topics":1}\n{"topic":"t","seq":1,"messages":1}\n',
      '{"version":2,"instance":"a","floor":0,"topics":1}\n{"topic":"t","seq":1,"messages":1}\n1 1 {}',
      '{"version":2,"instance":"a","floor":0,"topics":1}\n{"topic":"t","seq":1,"messages":1}\n1 1 {]\n',
      '{"version":2,"instance":"a","floor":0,"topics":1}\n{"topic":"t","seq":1,"messages":1}\nnull\n',
      '{"version":2,"instance":"a","floor":0,"topics":1}\n{"topic":"t","seq":2,"messages":1}\n1 1 {}\n',
      '{"version":2,"instance":"a","floor":0,"topics":2}\n{"topic":"t","seq":2,"messages":0}\n{"topic":"t","seq":2,"messages":0}\n',
      '{"version":2,"instance":"a","floor":0,"topics":1}\n{"topic":"t","seq":2,"origin":true,"messages":1}\n3 1 {}\n',
      '{"version":2,"instance":"a","floor":0,"topics":1}\n{"topic":"t","seq":9,"origin":true,"messages":2}\n3 1 {}\n3 1 {}\n',
      '{"version":2,"instance":"a","floor":0,"topics":1}\n{"topic":"t","seq":9,"origin":true,"messages":1}\n1.5 1 {}\n',
      '{"version":2,"instance":"a","floor":-1,"topics":0}\n',
      '{"version":2,"instance":"","floor":0,"topics":0}\n',
      '{"version":2,"instance":"a","floor":0,"topics":0}\nand more\n',
      '{"version":2,"instance":"a","floor":0,"topics":4503599627370496}\n',
      '{"version":2,"instance":"a","floor":0,"topics":1}\n{"topic":"t","seq":1,"messages":4503599627370496}\n',
      '{"version":2,"instance":"a","floor":0,"topics":1}\nnull\n',
    ].map((text) => [JSON.stringify(text), text]),
  ])('and a line says why and where it is now if the file has %s', (_, text) => {
    writeFileSync(file, text);
    expect(takeState(file, logger)).toEqual(isNew);
    expect(logger.lines).toMatchObject([{ level: 'warn', file, error: expect.any(String) }]);
    expect(readFileSync(logger.lines[0]!['movedTo'] as string, 'utf8')).toBe(text);
    expect(existsSync(file)).toBe(false);
  });

  test('or the whole state is taken, whatever has happened to its bytes', () => {
    saveState(file, state);
    const bytes = [...readFileSync(file)];
    const at = fc.nat(bytes.length);
    const damage = fc.array(fc.tuple(at, fc.nat(3), fc.uint8Array({ maxLength: 3 })), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(damage, (changes) => {
        const damaged = [...bytes];
        for (const [place, count, inserted] of changes) damaged.splice(place, count, ...inserted);
        writeFileSync(file, Buffer.from(damaged));
        let taken: SavedState;
        try {
          taken = takeState(file, new Logbook());
        } catch (error) {
          expect(error, 'its beginning is damaged').toMatchObject({ code: 'bad-config' });
          return;
        }
        for (const [topic, saved] of taken.topics) {
          const log = new MessageLog(
            topic,
            { history: 9, historyBytes: 9000, maxBytes: 9000 },
            undefined,
            saved,
          );
          for (let { place } = log; place >= log.oldest; place--) decodeFrame(log.at(place)!.frame);
          expect(log.append('1', 1).seq).toBe(saved.seq + 1);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("and what is moved aside takes no other one's place", () => {
    for (const text of ['{"version":1,', '{"version":1,"inst']) {
      writeFileSync(file, text);
      takeState(file, logger);
    }
    expect(readdirSync(folder.path)).toHaveLength(2);
  });
});

describe("a file that is no state of chimed's is neither taken nor replaced:", () => {
  const refusal = expect.objectContaining({
    code: 'bad-config',
    message: expect.stringMatching(/^state\.file: \/.*; name another file, or move this one away$/),
  });

  test.each([
    ['null', 'null'],
    ['an array', '[]'],
    ['no version', '{}'],
    ['its own version', '{"version":1,"packages":{}}'],
    ['no instance', '{"version":1,"instance":5,"topics":{}}'],
    ['text', 'precious\n'],
    ['bytes', '\u007fELF\u0000'],
  ])('one with %s', (_, text) => {
    writeFileSync(file, text);
    expect(() => takeState(file, logger)).toThrow(refusal);
    expect(() => saveState(file, state)).toThrow(refusal);
    expect(readFileSync(file, 'utf8')).toBe(text);
    expect(readdirSync(folder.path)).toEqual(['state.json']);
  });

  test.each([
    ['a directory', () => mkdirSync(file)],
    ['a link to a device', () => symlinkSync('/dev/null', file)],
    ['a link to a file that is not there', () => symlinkSync(folder.file('other'), file)],
    ['a link to a state', () => symlinkSync(stateElsewhere(), file)],
    ['a pipe that nobody writes to', () => execFileSync('mkfifo', [file])],
  ])('%s', (_, make) => {
    make();
    expect(() => takeState(file, logger)).toThrow(refusal);
    expect(() => saveState(file, state)).toThrow(refusal);
    expect(readdirSync(folder.path)).not.toContainEqual(expect.stringMatching(/^state\.json./));
  });
});

/** A whole state in another directory. */
function stateElsewhere(): string {
  const directory = folder.file('elsewhere');
  mkdirSync(directory);
  saveState(join(directory, 'state.json'), state);
  return join(directory, 'state.json');
}

describe("a state of 0.1's", () => {
  test('is taken, and saved as one of ours', () => {
    const [{ seq, time }] = messages.slice(-1) as [(typeof messages)[0]];
    const old = { seq, messages: [{ seq, time, data: { a: ['é\f\n', null] } }] };
    writeFileSync(file, JSON.stringify({ version: 1, instance: 'f00d', topics: { 'host.load': old } }));
    const taken = takeState(file, logger);
    expect(taken).toEqual({
      instance: 'f00d',
      floor: 0,
      offset: 0,
      topics: new Map([['host.load', { seq, messages: messages.slice(-1) }]]),
    });
    saveState(file, taken);
    expect(takeState(file, logger)).toEqual(taken);
  });

  test('loses the messages that nest more levels than can be sent, and keeps its numbering', () => {
    const deep = JSON.parse('['.repeat(1000) + ']'.repeat(1000));
    const old = {
      seq: 3,
      messages: [1, deep, 3].map((data, index) => ({ seq: index + 1, time: 1, data })),
    };
    writeFileSync(file, JSON.stringify({ version: 1, instance: 'f00d', topics: { t: old } }));
    expect(takeState(file, logger).topics.get('t')).toEqual({
      seq: 3,
      messages: [{ seq: 3, time: 1, json: json(3) }],
    });
  });

  test('keeps a message that nests as many levels as can be sent', () => {
    const data: unknown = JSON.parse('['.repeat(64) + ']'.repeat(64));
    const old = { seq: 1, messages: [{ seq: 1, time: 1, data }] };
    writeFileSync(file, JSON.stringify({ version: 1, instance: 'f00d', topics: { t: old } }));
    expect(takeState(file, logger).topics.get('t')!.messages).toHaveLength(1);
  });
});

describe('nothing that is planted beside the state', () => {
  test('is followed or written to', () => {
    const precious = folder.file('precious');
    writeFileSync(precious, 'precious');
    for (const name of ['state.json.new', 'state.json.tmp', '.state.json'])
      symlinkSync(precious, folder.file(name));
    saveState(file, state);
    expect(readFileSync(precious, 'utf8')).toBe('precious');
    expect(takeState(file, logger)).toEqual(state);
  });

  test('that a killed daemon left unfinished stays there', () => {
    writeFileSync(`${file}.new-0123456789abcdef`, 'unfinished');
    takeState(file, logger);
    expect(readdirSync(folder.path)).toEqual([]);
  });
});

describe('a directory that others can write to', () => {
  const refusal = (text: string) =>
    expect.objectContaining({ code: 'bad-config', message: expect.stringContaining(text) });

  test.each([0o777, 0o1777, 0o707, 0o702])(
    'with mode %o is refused, and nothing in it is touched',
    (mode) => {
      saveState(file, state);
      chmodSync(folder.path, mode);
      const message = `other users can write to the directory ${folder.path}; run \`chmod go-w`;
      expect(() => takeState(file, logger)).toThrow(refusal(message));
      expect(() => saveState(file, state)).toThrow(refusal(message));
      expect(readdirSync(folder.path)).toEqual(['state.json']);
    },
  );

  test('is refused above the directory of the state as well, unless it is sticky', () => {
    const [above, directory] = [folder.file('above'), folder.file('above/private')];
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const inner = join(directory, 'state.json');
    chmodSync(above, 0o777);
    expect(() => saveState(inner, state)).toThrow(
      refusal(`other users can write to the directory ${above};`),
    );
    chmodSync(above, 0o1777);
    saveState(inner, state);
    expect(takeState(inner, logger)).toEqual(state);
  });

  test('includes one that belongs to another user', ({ skip }) => {
    if (process.getuid?.() !== 0) skip('SKIPPED: only root can give a directory away');
    chownSync(folder.path, 4242, 4242);
    expect(() => saveState(file, state)).toThrow(
      refusal(`the directory ${folder.path} belongs to user 4242`),
    );
  });

  test('or a state that belongs to another user is not taken', ({ skip }) => {
    if (process.getuid?.() !== 0) skip('SKIPPED: only root can give a file away');
    saveState(file, state);
    chownSync(file, 4242, 4242);
    expect(() => takeState(file, logger)).toThrow(refusal('belongs to user 4242'));
  });
});

test('a state of 48 MiB is saved and taken without a text of that size', () => {
  const big = Buffer.from(`"${'x'.repeat(2 ** 20 - 2)}"`);
  const many = Array.from({ length: 48 }, (_, index) => ({ seq: index + 1, time: 1, json: big }));
  const large = {
    instance: 'large',
    floor: 0,
    offset: 0,
    topics: new Map([['t', { seq: 48, messages: many }]]),
  };
  const parse = vi.spyOn(JSON, 'parse');
  saveState(file, large);
  expect(parse, 'saving parses nothing').not.toHaveBeenCalled();
  parse.mockRestore();
  expect(takeState(file, logger).topics.get('t')!.messages).toHaveLength(48);
});

describe('a state that cannot be saved', () => {
  test('in full is not saved in part', () => {
    // A limit on the size of files stands for the last few bytes of a disk: the write is cut short.
    const script = `
      import { saveState } from ${JSON.stringify(join(root, 'src/daemon/topics/state.ts'))};
      const messages = [{ seq: 1, time: 0, json: Buffer.alloc(100_000, '1') }];
      saveState(${JSON.stringify(file)}, { instance: 'short', floor: 0, offset: 0, topics: new Map([['t', { seq: 1, messages }]]) });`;
    saveState(file, state);
    const limited = 'ulimit -f 8 && exec "$0" --input-type=module --eval "$1"';
    const { status } = spawnSync('/bin/sh', ['-c', limited, process.execPath, script]);
    expect(status).not.toBe(0);
    expect(takeState(file, logger)).toEqual(state);
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test('says so if its directory is not there', () => {
    expect(() => saveState(folder.file('nowhere/state.json'), state)).toThrow('ENOENT');
  });
});
