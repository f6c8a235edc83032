import { describe, expect, test } from 'vitest';

import { DROPPED, journalFields, journalStream } from '../../src/cli/journal-stream.ts';
import { logEvents } from '../../src/log-events.ts';

const fieldsOf = (line: object) => Object.fromEntries(journalFields({ level: 'info', msg: 'm', ...line }));

describe('a line becomes an entry', () => {
  test('whose MESSAGE reads well', () => {
    const line = {
      client: 7,
      name: 'chimed listen',
      uid: 1000,
      topics: ['a', 'b.>'],
      error: 'say "no"',
      data: { x: 1 },
    };
    expect(fieldsOf({ msg: 'client registered', ...line })['MESSAGE']).toBe(
      'client registered client=7 name="chimed listen" uid=1000 topics=[a b.>] error="say \\"no\\"" data={"x":1}',
    );
  });

  test('that commands no terminal', () => {
    expect(fieldsOf({ error: '\x1b[2Jgone' })['MESSAGE']).toBe('m error=\\x1b[2Jgone');
    expect(fieldsOf({ stack: 'a\n\x1b[2Jb' })['MESSAGE']).toBe('m\na\n\\x1b[2Jb');
  });

  test('to which no client can add a line', () => {
    expect(fieldsOf({ request: 'x\nsshd: fake' })['MESSAGE']).toBe('m request="x\\x0asshd: fake"');
  });

  test('below which stands what has several lines', () => {
    expect(fieldsOf({ topic: 't', stack: 'Error: x\n  at y' })['MESSAGE']).toBe(
      'm topic=t\nError: x\n  at y',
    );
  });

  test('with a field for each of its own, in upper case', () => {
    expect(fieldsOf({ upSeconds: 5, lastError: 'e', 'odd-name': true })).toMatchObject({
      UP_SECONDS: '5',
      LAST_ERROR: 'e',
      ODD_NAME: 'true',
    });
  });

  test('where what is said of a client is not taken for the daemon', () => {
    const who = { name: 'n', pid: 1, uid: 2, gid: 3 };
    expect(fieldsOf({ client: 7, ...who })).toMatchObject({
      CLIENT: '7',
      CLIENT_NAME: 'n',
      CLIENT_PID: '1',
      CLIENT_UID: '2',
      CLIENT_GID: '3',
    });
    expect(fieldsOf({ pid: 1 })).toMatchObject({ PID: '1' });
  });

  test('with one field for each item of a list', () => {
    const topics = journalFields({ level: 'info', msg: 'm', topics: ['a', 'b'] }).filter(
      ([name]) => name === 'TOPICS',
    );
    expect(topics.map(([, value]) => value)).toEqual(['a', 'b']);
  });

  test.each([
    ['debug', '7'],
    ['info', '6'],
    ['warn', '4'],
    ['error', '3'],
  ])('of the priority of %s', (level, priority) => {
    expect(fieldsOf({ level })['PRIORITY']).toBe(priority);
  });

  test('with the id of its kind, and where it comes from', () => {
    const origin = { file: '/x/y.js', line: 3, function: 'f' };
    expect(fieldsOf({ msg: 'in other words', event: 'source-failing', origin })).toMatchObject({
      MESSAGE_ID: logEvents['source-failing'],
      CODE_FILE: '/x/y.js',
      CODE_LINE: '3',
      CODE_FUNC: 'f',
      SYSLOG_IDENTIFIER: 'chimed',
      EVENT: 'source-failing',
      MESSAGE: 'in other words',
    });
    expect(fieldsOf({ origin })['ORIGIN']).toBeUndefined();
  });
});

describe('a journal that does not take a line', () => {
  const line = (msg: string) => `${JSON.stringify({ level: 'info', time: 1, msg })}\n`;

  test('because it is behind, hears later how many it has not got', () => {
    const sent: string[] = [];
    let behind = true;
    const stream = journalStream(
      (fields) => {
        if (behind) throw Object.assign(new Error('EAGAIN'), { code: 'EAGAIN' });
        sent.push(Object.fromEntries(fields)['MESSAGE']!);
      },
      () => expect.fail('there is no other way for a journal that is only behind'),
    );
    for (const msg of ['one', 'two']) stream.write(line(msg));
    behind = false;
    for (const msg of ['three', 'four']) stream.write(line(msg));
    expect(sent).toEqual([`${DROPPED} dropped=2`, 'three', 'four']);
  });

  test('for another reason has it go the other way, as it is', () => {
    const otherwise: string[] = [];
    const stream = journalStream(
      () => {
        throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
      },
      (text) => otherwise.push(text),
    );
    stream.write(line('one'));
    expect(otherwise).toEqual([line('one')]);
  });
});
