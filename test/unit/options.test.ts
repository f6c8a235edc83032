import { describe, expect, test } from 'vitest';

import { connect } from '../../src/index.ts';
import type { ConnectOptions, ListenOptions, PublishOptions, StatusOptions } from '../../src/index.ts';
import { silent } from '../../src/log.ts';

/** A client of no daemon: what is refused at the call needs none. */
const nowhere = () => connect({ socket: '/nonexistent/socket', logger: silent });

const refused = (message: string) =>
  expect.objectContaining({ code: 'bad-request', message: expect.stringContaining(message) });

describe('an unknown option is refused with the names that there are', () => {
  test.each<[object, string]>([
    [
      { sockett: '/s' },
      "connect has no option 'sockett'; expected socket, name, logger, retry, timeoutMs, signal, resume, onBehalfOf",
    ],
    [{ retry: { min: 1 } }, "retry has no option 'min'; expected minMs, maxMs"],
    [{ toString: 1 }, "connect has no option 'toString'"],
    [JSON.parse('{"__proto__": {}}') as object, "connect has no option '__proto__'"],
  ])('by connect: %j', (options, message) => {
    expect(() => connect(options as ConnectOptions)).toThrow(refused(message));
  });

  test('by listen', async () => {
    await using client = nowhere();
    const options = { bufer: 3 } as ListenOptions;
    expect(() => client.listen('t', options)).toThrow(
      refused("listen has no option 'bufer'; expected buffer, bufferBytes, signal"),
    );
  });

  test('by publish', async () => {
    await using client = nowhere();
    const publishing = client.publish('t', 1, { sginal: null } as PublishOptions);
    await expect(publishing).rejects.toEqual(refused("publish has no option 'sginal'; expected signal"));
  });

  test('by status', async () => {
    await using client = nowhere();
    const asking = client.status({ topic: 't' } as StatusOptions);
    await expect(asking).rejects.toEqual(refused("status has no option 'topic'; expected topics"));
  });
});

describe('options that are no object are refused', () => {
  test.each([['/run/s'], [null], [5], [[]]])('by connect: %j', (options) => {
    expect(() => connect(options as ConnectOptions)).toThrow(
      refused('the options of connect must be an object, but they are '),
    );
  });

  test('by listen, which takes a list of topics', async () => {
    await using client = nowhere();
    expect(() => client.listen('a', 'b' as ListenOptions)).toThrow(refused("but they are 'b'"));
  });

  test('by status, which takes a list of topics', async () => {
    await using client = nowhere();
    const topics = 'host.>' as unknown as string[];
    await expect(client.status({ topics })).rejects.toEqual(refused('the option topics must be a list'));
  });
});

test('an option that is undefined says nothing', async () => {
  const nothing = { socket: undefined, name: undefined, retry: undefined, other: undefined };
  await using client = connect({ ...(nothing as object), logger: silent });
  const none = { signal: undefined, other: undefined } as object;
  await client.listen('t', none).return();
  expect(client.state.status).toBe('connecting');
});

test.each<[object, string]>([
  [
    { resume: { instance: 'a' } },
    'the option resume.offset must be a whole number, 0 or more, but it is undefined',
  ],
  [{ resume: { instance: 1, offset: 1 } }, "the option resume.instance must be a text, a message's instance"],
  [{ resume: { instance: 'a', offset: -1 } }, 'the option resume.offset must be a whole number'],
  [
    { resume: { instance: 'a', offset: 1, after: {} } },
    "resume has no option 'after'; expected instance, offset",
  ],
  [{ resume: { instance: 'a', after: { t: -1 } } }, "the option resume.after['t'] must be a whole number"],
  [
    { resume: { instance: 'a', after: { 'a.>': 1 } } },
    'the option resume.after must be an object, whose keys',
  ],
  [
    { resume: { instance: 'a', after: {}, instances: [] } },
    'the option resume.instances must be an object, whose keys',
  ],
  [
    { resume: { instance: 'a', after: {}, other: 1 } },
    "resume has no option 'other'; expected instance, after, instances",
  ],
  [{ onBehalfOf: { uid: 1 } }, 'the option onBehalfOf must be { uid, gid, groups? } with ids'],
  [{ onBehalfOf: null }, 'the option onBehalfOf must be { uid, gid, groups? } with ids'],
])('connect refuses %j', (options, message) => {
  expect(() => connect(options as ConnectOptions)).toThrow(refused(message));
});
