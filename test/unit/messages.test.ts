import { describe, expect, test } from 'vitest';

import { idOf, parseRequest } from '../../src/protocol/parse-request.ts';
import type { Frame, Request } from '../../src/protocol/messages.ts';

/** What is thrown on a frame that came over the wire. */
function refusal(type: string, data: unknown): unknown {
  try {
    return parseRequest(JSON.parse(JSON.stringify({ type, data })) as Frame);
  } catch (error) {
    return error;
  }
}

describe('each request is understood', () => {
  const resume = { instance: 'f00', after: { 'host.load': 57 } };
  const byOffset = { instance: 'f00', instances: { price: 'b4' }, offset: 9 };
  test.each<[string, unknown, Request]>([
    ['chimed.register', { topics: [] }, { kind: 'register', topics: [] }],
    [
      'chimed.register',
      { topics: ['host.>', 'tick'], name: 'panel', resume },
      { kind: 'register', topics: ['host.>', 'tick'], name: 'panel', resume: { ...resume, instances: {} } },
    ],
    [
      'chimed.register',
      { topics: ['>'], resume: byOffset },
      { kind: 'register', topics: ['>'], resume: { ...byOffset, after: {} } },
    ],
    ['chimed.unregister', { topics: ['tick'] }, { kind: 'unregister', topics: ['tick'] }],
    ['chimed.publish', { topic: 'news', data: null }, { kind: 'publish', topic: 'news', data: null }],
    ['chimed.publish', { topic: 'news', data: 0, id: 7 }, { kind: 'publish', topic: 'news', data: 0, id: 7 }],
    [
      'chimed.publish',
      { topic: 'news', data: [], id: 'x' },
      { kind: 'publish', topic: 'news', data: [], id: 'x' },
    ],
    ['chimed.status', {}, { kind: 'status' }],
    ['chimed.status', undefined, { kind: 'status' }],
    ['chimed.status', null, { kind: 'status' }],
    [
      'chimed.status',
      { topics: ['host.>'], after: 'host.load', id: 7 },
      { kind: 'status', topics: ['host.>'], after: 'host.load', id: 7 },
    ],
    ['message', 'hello', { kind: 'knock', topic: 'message', data: 'hello' }],
    ['constructor', 1, { kind: 'knock', topic: 'constructor', data: 1 }],
  ])('%s with %j', (type, data, request) => {
    expect(parseRequest({ type, data })).toStrictEqual(request);
  });

  test('with fields that nobody knows', () => {
    const request = parseRequest({ type: 'chimed.register', data: { topics: ['tick'], colour: 'red' } });
    expect(request).toStrictEqual({ kind: 'register', topics: ['tick'] });
    expect(parseRequest({ type: 'chimed.status', data: { clients: 5 } })).toStrictEqual({ kind: 'status' });
  });
});

describe('a bad field is named', () => {
  const long = 'x'.repeat(101);
  test.each<[string, unknown, string]>([
    ['chimed.register', undefined, 'data'],
    ['chimed.register', null, 'data'],
    ['chimed.register', ['tick'], 'data'],
    ['chimed.register', 'tick', 'data'],
    ['chimed.register', {}, 'topics'],
    ['chimed.register', { topics: [], resume: { instance: 'a', offset: -1 } }, 'resume.offset'],
    ['chimed.register', { topics: [], resume: { instance: 'a', instances: { t: 1 } } }, 'resume.instances'],
    ['chimed.register', { topics: 'tick' }, 'topics'],
    ['chimed.register', { topics: { 0: 'tick' } }, 'topics'],
    ['chimed.register', { topics: [1] }, 'topics'],
    ['chimed.register', { topics: ['tick', 'a..b'] }, 'topics'],
    ['chimed.register', { topics: ['chimed.status'] }, 'topics'],
    ['chimed.register', { topics: [], name: 5 }, 'name'],
    ['chimed.register', { topics: [], name: null }, 'name'],
    ['chimed.register', { topics: [], name: long }, 'name'],
    ['chimed.register', { topics: [], name: 'x\n[00:00:00.000] ERROR: fatal error' }, 'name'],
    ['chimed.register', { topics: [], name: '\u009b2J' }, 'name'],
    ['chimed.register', { topics: [], resume: 5 }, 'resume'],
    ['chimed.register', { topics: [], resume: { after: {} } }, 'resume.instance'],
    ['chimed.register', { topics: [], resume: { instance: 'a', after: [1] } }, 'resume.after'],
    ['chimed.register', { topics: [], resume: { instance: 'a', after: { tick: '5' } } }, 'resume.after'],
    ['chimed.register', { topics: [], resume: { instance: 'a', after: { tick: 0.5 } } }, 'resume.after'],
    ['chimed.register', { topics: [], resume: { instance: 'a', after: { tick: null } } }, 'resume.after'],
    ['chimed.unregister', 5, 'data'],
    ['chimed.unregister', {}, 'topics'],
    ['chimed.unregister', { topics: [null] }, 'topics'],
    ['chimed.publish', [], 'data'],
    ['chimed.publish', { data: 1 }, 'topic'],
    ['chimed.publish', { topic: 'host.*', data: 1 }, 'topic'],
    ['chimed.publish', { topic: 'chimed.x', data: 1 }, 'topic'],
    ['chimed.publish', { topic: 'news' }, 'data'],
    ['chimed.publish', { topic: 'news', data: 1, id: true }, 'id'],
    ['chimed.publish', { topic: 'news', data: 1, id: {} }, 'id'],
    ['chimed.publish', { topic: 'news', data: 1, id: long }, 'id'],
    ['chimed.status', 'tick', 'data'],
    ['chimed.status', 5, 'data'],
    ['chimed.status', ['tick'], 'data'],
    ['chimed.status', { topics: 'x' }, 'topics'],
    ['chimed.status', { topics: null }, 'topics'],
    ['chimed.status', { after: 5 }, 'after'],
    ['chimed.status', { after: null }, 'after'],
    ['chimed.status', { after: 'host.*' }, 'after'],
    ['chimed.status', { id: null }, 'id'],
  ])('%s with %j: %s', (type, data, field) => {
    expect(refusal(type, data)).toMatchObject({
      code: 'bad-request',
      message: expect.stringContaining(`${type} needs ${field} to be`),
    });
  });

  test('and only its beginning is repeated', () => {
    const { message } = refusal('chimed.register', { topics: ['x y'.repeat(100_000)] }) as Error;
    expect(message).toContain('x y');
    expect(message.length).toBeLessThan(300);
  });
});

describe('a type that is neither a topic nor a request is bad-type', () => {
  test.each(['', 'Tick!', 'a..b', 'a b', 'host.*', '>', 'chimed', 'chimed.', 'chimed.shutdown'])(
    '%j',
    (type) => {
      expect(refusal(type, {})).toHaveProperty('code', 'bad-type');
    },
  );

  test('and only its beginning is repeated', () => {
    expect((refusal('X'.repeat(100_000), {}) as Error).message.length).toBeLessThan(300);
  });
});

describe('__proto__ on the wire is a name like any other', () => {
  const parse = (text: string) => parseRequest(JSON.parse(text) as Frame);

  test('it brings no fields in', () => {
    const request = parse('{"type":"chimed.register","data":{"topics":[],"__proto__":{"name":"evil"}}}');
    expect(request).toStrictEqual({ kind: 'register', topics: [] });
  });

  test('and a topic may have it', () => {
    const request = parse(
      '{"type":"chimed.register","data":{"topics":["__proto__"],"resume":{"instance":"a","after":{"__proto__":5}}}}',
    );
    const { after } = (request as Request & { kind: 'register' }).resume!;
    expect(Object.entries(after)).toEqual([['__proto__', 5]]);
    expect(parse('{"type":"__proto__","data":1}')).toHaveProperty('topic', '__proto__');
  });
});

test('the id of a frame that is no request can be read all the same', () => {
  const id = (data: unknown) => idOf({ type: 'chimed.publish', data });
  expect([id({ id: 7 }), id({ id: 'x' })]).toEqual([7, 'x']);
  for (const data of [undefined, null, 5, 'x', [], {}, { id: null }, { id: {} }])
    expect(id(data)).toBeUndefined();
});
