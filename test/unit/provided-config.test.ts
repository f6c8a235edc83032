import { writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';

import type { NatsConfig } from '../../src/config/config.ts';
import { withFleetTopics } from '../../src/config/fleet-topics.ts';
import { loadConfig, readConfig } from '../../src/config/load.ts';
import { messageOf } from '../../src/errors.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import type { Folder } from '../helpers/folder.ts';

let folder: Folder;
let file: string;

beforeEach(() => {
  folder = temporaryFolder();
  file = folder.file('chimed.yaml');
  return () => folder[Symbol.dispose]();
});

/** Loads topics from a real file; JSON is YAML. */
function load(topics: object) {
  writeFileSync(file, JSON.stringify({ topics }));
  return loadConfig(file, {});
}

/** The lines of the error, without the file and the number of the line. */
function mistakes(topics: object): string[] {
  try {
    load(topics);
    return [];
  } catch (error) {
    return messageOf(error)
      .split('\n')
      .slice(1)
      .map((line) => line.replace(/^ *\S+:\d+ topics\./, ''));
  }
}

const rest = {
  timeoutMs: 10_000,
  maxBytes: 1024 * 1024,
  onChange: false,
  metrics: false,
  always: false,
  history: 0,
  historyBytes: 4 * 1024 * 1024,
};

describe('topics that clients provide', () => {
  test('have defaults, by their exact names and by names with wildcards', () => {
    const { topics, namespaces } = load({
      t: { provide: true },
      'a.>': { provide: true },
      'b.*': { provide: true, maxTopics: 3, totalBytes: '1KiB', access: { provide: [0], subscribe: [] } },
    });
    const provided = { source: { kind: 'provide' }, first: 'last', access: {}, ...rest };
    expect(topics).toEqual([{ name: 't', ...provided }]);
    const access = { provide: { uids: [0], gids: [] }, subscribe: { uids: [], gids: [] } };
    expect(namespaces).toEqual([
      { name: 'a.>', ...provided, maxTopics: 1000, totalBytes: 16 * 1024 * 1024 },
      { name: 'b.*', ...provided, access, maxTopics: 3, totalBytes: 1024 },
    ]);
    expect(Object.isFrozen(namespaces[1]!.access.provide)).toBe(true);
  });

  test('are written so that they can be read again', () => {
    load({ t: { provide: true }, 'a.>': { provide: true, history: 3 } });
    const { config, written } = readConfig(file, {});
    expect(written['topics']).toMatchObject({
      t: expect.not.objectContaining({ maxTopics: expect.anything(), maxBytes: expect.anything() }),
      'a.>': { maxTopics: 1000, totalBytes: '16MiB', history: 3 },
    });
    writeFileSync(file, JSON.stringify(written));
    expect(loadConfig(file, {})).toMatchObject({ topics: config.topics, namespaces: config.namespaces });
  });

  test.each([
    [
      { interval: '1s', provide: true },
      't.interval: interval does not go with provide: the provider decides when it sends',
    ],
    [
      { cron: '* * * * *', provide: true },
      't.cron: cron does not go with provide: the provider decides when it sends',
    ],
    [
      { provide: true, first: 'sample' },
      't.first: a topic that clients provide has no source to sample; expected last or none',
    ],
    [{ provide: true, publish: true }, 't: two sources, publish and provide; a topic has one'],
    [{ provide: false }, 't.provide: expected true, but it is false'],
    [{ publish: true, access: { provide: [] } }, 't.access.provide: access.provide goes with provide: true'],
    [{ provide: true, access: { publish: [] } }, 't.access.publish: access.publish goes with publish: true'],
    [
      { provide: true, maxTopics: 3 },
      't.maxTopics: maxTopics goes with a name that has wildcards, such as t.>',
    ],
    [
      { provide: true, totalBytes: '1KiB' },
      't.totalBytes: totalBytes goes with a name that has wildcards, such as t.>',
    ],
    [
      { provide: true, maxBytes: '2MiB' },
      't.maxBytes: "2MiB" exceeds clients.frameBytes (1048576 bytes), the most that a client can send; lower it, or raise clients.frameBytes',
    ],
  ])('are refused for %j', (topic, mistake) => {
    expect(mistakes({ t: topic })).toEqual([mistake]);
  });

  test.each([
    [{ publish: true }, 'a.>: only a topic with provide: true can have wildcards in its name'],
    [{ interval: '1s', data: 1 }, 'a.>: only a topic with provide: true can have wildcards in its name'],
    [{ provide: true, maxTopics: 0 }, 'a.>.maxTopics: expected a whole number, 1 or more, but it is 0'],
    [{ provide: true, totalBytes: 5 }, 'a.>.totalBytes: expected a size such as 64KiB or 1MiB, but it is 5'],
  ])('with a wildcard are refused for %j', (topic, mistake) => {
    expect(mistakes({ 'a.>': topic })).toEqual([mistake]);
  });
});

describe('the topics of a fleet', () => {
  const nats: NatsConfig = {
    servers: ['127.0.0.1:4222'],
    machine: 'web1',
    prefix: 'chimed',
    export: [],
    import: [],
    uid: 77,
  };

  test('are there once there is a bridge, and only its user can provide them', () => {
    const access = { provide: { uids: [77], gids: [] } };
    expect(withFleetTopics({ topics: [], namespaces: [] }, nats)).toEqual({
      topics: [
        {
          name: 'fleet.link',
          source: { kind: 'provide' },
          first: 'last',
          ...rest,
          always: true,
          metrics: true,
          access,
        },
      ],
      namespaces: [
        {
          name: 'remote.>',
          source: { kind: 'provide' },
          first: 'last',
          ...rest,
          maxTopics: 10_000,
          totalBytes: 64 * 1024 * 1024,
          access,
        },
      ],
    });
  });

  test('are not there without a bridge', () => {
    const own = load({ t: { provide: true } });
    expect(withFleetTopics(own, undefined)).toBe(own);
  });

  test('are left to root and to the user of the daemon if the bridge has no user', () => {
    const { uid: _, ...nobody } = nats;
    const { namespaces } = withFleetTopics({ topics: [], namespaces: [] }, nobody);
    expect(namespaces[0]!.access).toEqual({ provide: { uids: [], gids: [] } });
  });

  test('are as the file has them, if it does', () => {
    const own = load({ 'fleet.link': { provide: true }, 'remote.>': { provide: true, maxTopics: 5 } });
    const { topics, namespaces } = withFleetTopics(own, nats);
    expect({ topics, namespaces }).toEqual({ topics: own.topics, namespaces: own.namespaces });
  });
});
