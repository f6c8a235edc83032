import { once } from 'node:events';
import { describe, expect, test, vi } from 'vitest';

import { connect } from '../../src/index.ts';
import type { Provided, ProvideHandler } from '../../src/index.ts';
import type { Frame } from '../../src/protocol/messages.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { ScriptedDaemon } from '../helpers/scripted-daemon.ts';
import type { Script } from '../helpers/scripted-daemon.ts';

const retry = { minMs: 1, maxMs: 10 };
const idle: ProvideHandler = { wanted() {}, unwanted() {} };

type ProvideData = { topics: string[]; id: string };
const dataOf = ({ data }: Frame): ProvideData => data as ProvideData;

/** A peer that lets a client provide all topics but those that are refused. */
function accepting(refusal: (topic: string, connection: number) => string | undefined = () => undefined) {
  const script: Script = ({ type, data }, connection) => {
    if (type !== 'chimed.provide' && type !== 'chimed.unprovide') return [];
    const { topics, id } = data as ProvideData;
    const refused = topics.flatMap((topic): Frame[] => {
      const code = type === 'chimed.provide' && refusal(topic, connection);
      return code ? [rejected({ code, topic, request: type })] : [];
    });
    return [...refused, { type: 'chimed.provided', data: { id } }];
  };
  return script;
}

const rejected = (data: object): Frame => ({
  type: 'chimed.rejected',
  data: { message: 'refused by the script', ...data },
});
const wanted = (topic: string, seq = 0): Frame => ({
  type: 'chimed.wanted',
  data: { topic, instance: 'scripted', seq },
});

async function start(script: Script) {
  const folder = temporaryFolder();
  const daemon = await ScriptedDaemon.listen(folder.file('s'), script);
  const client = connect({ socket: folder.file('s'), retry, timeoutMs: 30_000 });
  return {
    daemon,
    client,
    async [Symbol.asyncDispose]() {
      await client.close();
      await daemon[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

const provides = ({ frames }: ScriptedDaemon): ProvideData[] =>
  frames.items.filter(({ type }) => type === 'chimed.provide').map(dataOf);

describe.concurrent('what the daemon is asked', () => {
  test('of one turn is asked in one frame, and again after a reconnection, split by its size', async () => {
    await using scene = await start(accepting());
    const { daemon, client } = scene;
    const names = Array.from(
      { length: 20_000 },
      (_, index) => `remote.web2.sensor.with.a.long.name.n${index}`,
    );
    for (const name of names) client.provide(name, idle);
    const isAsked = (frames: readonly Frame[]): boolean =>
      frames.filter(({ type }) => type === 'chimed.provide').flatMap((frame) => dataOf(frame).topics)
        .length >= names.length;
    await daemon.frames.find(() => isAsked(daemon.frames.items));
    expect(provides(daemon).flatMap(({ topics }) => topics)).toEqual(names);
    expect(provides(daemon).length).toBeLessThanOrEqual(2);
    const before = daemon.frames.items.length;
    daemon.cut();
    await daemon.frames.find(() => isAsked(daemon.frames.items.slice(before)));
    expect(provides(daemon).flatMap(({ topics }) => topics)).toEqual([...names, ...names]);
  });

  test('of a topic that ends and is provided again is asked in this order', async () => {
    await using scene = await start(accepting());
    const { daemon, client } = scene;
    const first = client.provide('a', idle);
    await daemon.frame('chimed.provide');
    const ending = first.end();
    client.provide('a', idle);
    await ending;
    await daemon.frames.take(2, ({ type }) => type === 'chimed.provide');
    const types = daemon.frames.items.map(({ type }) => type);
    expect(types).toEqual(['chimed.register', 'chimed.provide', 'chimed.unprovide', 'chimed.provide']);
    expect(await first.ended).toBeUndefined();
  });

  test('says why a topic fails, again after a reconnection, until a message heals it', async () => {
    await using scene = await start(accepting());
    const { daemon, client } = scene;
    const away = client.provide('away', idle);
    away.fail('web2 is away');
    expect((await daemon.frame('chimed.fail')).data).toEqual({ topic: 'away', error: 'web2 is away' });
    const before = daemon.frames.items.length;
    daemon.cut();
    await daemon.frame('chimed.fail', before);
    daemon.send(wanted('away'));
    await client.listen('other')[Symbol.asyncDispose]();
    await daemon.frame('chimed.unregister'); // It has read what was sent before.
    await untilWanted(away);
    expect(away.send(1)).toBe(true);
    const healed = daemon.frames.items.length;
    daemon.cut();
    await daemon.frame('chimed.provide', healed);
    client.provide('other', idle).fail('later');
    expect((await daemon.frame('chimed.fail', healed)).data).toMatchObject({ topic: 'other' });
  });
});

/** Waits until somebody listens to a topic. */
function untilWanted(provided: Provided): Promise<unknown> {
  return vi.waitUntil(() => provided.wanted, { timeout: 30_000, interval: 5 });
}

describe.concurrent('a refusal', () => {
  test('ends the topic that it names, with its error, and no other', async () => {
    await using scene = await start(accepting((topic) => (topic === 'bad' ? 'not-providable' : undefined)));
    const { daemon, client } = scene;
    const [good, bad] = [client.provide('good', idle), client.provide('bad', idle)];
    expect(await bad.ended).toMatchObject({ code: 'not-providable', message: 'refused by the script' });
    daemon.send(wanted('good'), wanted('bad'));
    await untilWanted(good);
    expect(bad.wanted).toBe(false);
    expect(bad.send(1)).toBe(false);
  });

  test('of too many topics ends those that follow the last one that it names', async () => {
    const names = ['a', 'b', 'c', 'd'];
    await using scene = await start(({ type, data }) => {
      if (type !== 'chimed.provide') return [];
      const one = rejected({ code: 'unknown-topic', request: type, topic: 'b' });
      const rest = rejected({ code: 'too-many-topics', request: type });
      return [one, rest, { type: 'chimed.provided', data: { id: (data as ProvideData).id } }, wanted('a')];
    });
    const all = names.map((name) => scene.client.provide(name, idle));
    const ends = await Promise.all(all.slice(1).map(({ ended }) => ended));
    expect(ends.map((error) => error?.code)).toEqual(['unknown-topic', 'too-many-topics', 'too-many-topics']);
    await untilWanted(all[0]!);
  });

  test('of a message is an event, and ends neither the topic nor a subscription to it', async () => {
    await using scene = await start(accepting());
    const { daemon, client } = scene;
    const heard = client.listen('a').next();
    const provided = client.provide('a', idle);
    await daemon.frame('chimed.provide');
    const refused = once(client, 'refused');
    const warning = rejected({ code: 'too-fast', request: 'a' });
    daemon.send(warning, rejected({ code: 'too-large', request: 'a', topic: 'a' }), wanted('a'));
    expect(await refused).toEqual([{ topic: 'a', code: 'too-large', message: 'refused by the script' }]);
    await untilWanted(provided);
    daemon.send({ type: 'a', data: 1, seq: 1, time: 1 });
    expect((await heard).value).toMatchObject({ topic: 'a', data: 1 });
  });

  test('by a daemon that knows no provided topics ends all of them, and says what to do', async () => {
    const script: Script = ({ type, data }) =>
      type.startsWith('chimed.provide')
        ? [rejected({ code: 'bad-type', request: type, id: (data as ProvideData).id })]
        : [];
    await using scene = await start(script);
    const ends = ['a', 'b'].map((name) => scene.client.provide(name, idle).ended);
    for (const end of ends)
      expect(await end).toMatchObject({
        code: 'bad-type',
        message: expect.stringContaining('upgrade and restart the daemon'),
      });
    expect(scene.client.state.status).toBe('ready');
  });

  test('because another client provides the topic is final the first time', async () => {
    await using scene = await start(accepting(() => 'already-provided'));
    expect(await scene.client.provide('a', idle).ended).toMatchObject({ code: 'already-provided' });
  });

  test('because the former connection still provides the topic is followed by another attempt', async () => {
    const refusals = ['already-provided', 'already-provided'];
    await using scene = await start(
      accepting((_, connection) => (connection === 2 ? refusals.shift() : undefined)),
    );
    const { daemon, client } = scene;
    const provided = client.provide('a', idle);
    await daemon.frame('chimed.provide');
    daemon.send(wanted('a'));
    await untilWanted(provided);
    daemon.cut();
    await daemon.frames.take(4, ({ type }) => type === 'chimed.provide');
    expect(refusals).toEqual([]);
    daemon.send(wanted('a'));
    await untilWanted(provided);
  });
});

describe.concurrent('a client', () => {
  test('refuses what it cannot provide, with a reason', async () => {
    await using scene = await start(accepting());
    const { client } = scene;
    client.provide('a', idle);
    const refused = (message: string) => expect.objectContaining({ code: 'bad-request', message });
    expect(() => client.provide('a', idle)).toThrow(
      refused('this client provides a already; end that first'),
    );
    expect(() => client.provide('a.>', idle)).toThrow(refused('"a.>" is not the name of a topic'));
    expect(() => client.provide('b', {} as ProvideHandler)).toThrow(
      refused('provide needs a generator, or { wanted, unwanted }'),
    );
  });

  test('refuses payloads and numbers that no daemon accepts, and the connection stays', async () => {
    await using scene = await start(accepting());
    const { daemon, client } = scene;
    const provided = client.provide('a', idle);
    expect(provided.send(1)).toBe(false);
    await daemon.frame('chimed.provide');
    daemon.send(wanted('a'));
    await untilWanted(provided);
    const numbers = { instance: 'x', seq: 1, time: 1 };
    expect(() => provided.send(NaN)).toThrow(/NaN/);
    expect(() => provided.send(1, { ...numbers, seq: 0 })).toThrow(
      /seq must be a whole number from 1 to 2\^52/,
    );
    expect(() => provided.send(1, { ...numbers, instance: '"' })).toThrow(/instance must be 1 to 100/);
    expect(() => provided.send(1, { ...numbers, time: NaN })).toThrow(/time must be whole milliseconds/);
    expect(() => provided.send('x'.repeat(2 ** 20))).toThrow(
      expect.objectContaining({ code: 'too-large', message: expect.stringContaining('clients.frameBytes') }),
    );
    expect(() => provided.send(Array.from({ length: 50_001 }, () => 1))).toThrow(/more than 50000 values/);
    expect(provided.send({ eur: 1 }, numbers)).toBe(true);
    expect(await daemon.frame('a')).toEqual({ type: 'a', data: { eur: 1 }, ...numbers });
    expect(provided.send(null)).toBe(true);
    const [, second] = await daemon.frames.take(2, ({ type }) => type === 'a');
    expect(second).toEqual({ type: 'a', data: null });
  });

  test('that is closed ends all topics, and provides no more', async () => {
    await using scene = await start(accepting());
    const { daemon, client } = scene;
    const told: string[] = [];
    const provided = client.provide('a', {
      wanted: ({ instance, seq }) => told.push(`wanted ${instance} ${seq}`),
      unwanted: () => told.push('unwanted'),
    });
    await daemon.frame('chimed.provide');
    daemon.send(wanted('a', 7));
    await untilWanted(provided);
    await client.close();
    expect(told).toEqual(['wanted scripted 7', 'unwanted']);
    expect(await provided.ended).toBeUndefined();
    await provided.end();
    expect(await client.provide('b', idle).ended).toBeUndefined();
  });

  test('survives a handler that throws: its topic fails, and the others are told', async () => {
    await using scene = await start(accepting());
    const { daemon, client } = scene;
    const broken = (): void => {
      throw new Error('no such sensor');
    };
    client.provide('broken', { wanted: broken, unwanted: broken });
    const fine = client.provide('fine', idle);
    await daemon.frame('chimed.provide');
    daemon.send(wanted('broken'), wanted('fine'));
    expect((await daemon.frame('chimed.fail')).data).toEqual({ topic: 'broken', error: 'no such sensor' });
    await untilWanted(fine);
  });
});
