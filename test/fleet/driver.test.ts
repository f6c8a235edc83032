/* What the driver does must be what bridges do: it is asked as they ask. */
import { connect } from '@nats-io/transport-node';
import { expect, test } from 'vitest';

import { Inbox } from '../helpers/inbox.ts';
import { Driver } from './driver.ts';
import { FleetHistory } from './fleet-history.ts';
import { NatsServer } from './nats-server.ts';

interface Said {
  subject: string;
  data: Record<string, unknown>;
}

test('driven machines announce themselves, publish what is wanted, and nothing else', async () => {
  await using server = await NatsServer.start();
  const nats = await connect({ servers: server.url });
  const said = new Inbox<Said>();
  nats.subscribe('>', {
    callback: (_, message) => said.push({ subject: message.subject, data: message.json() }),
  });
  await nats.flush();
  const shape = { name: 'm', machines: 3, topics: 4, intervalMs: 20 };
  await using driver = await Driver.start({ servers: server.url, ...shape });
  const { data } = await said.find(({ subject }) => subject === 'chimed-fleet.m3.topics');
  expect(data['topics']).toEqual(['t1', 't2', 't3', 't4']);
  expect((await driver.report()).published).toBe(0);

  const want = (list: string, topics?: string[]): void => {
    const page = topics && { page: 0, pages: 1, topics };
    nats.publish('chimed-fleet.me.want.m2', JSON.stringify({ bridge: 'b', list, ...page }));
  };
  want('unknown');
  await said.find(({ subject }) => subject === 'chimed-fleet.m2.again.me');
  want('1', ['t2', 't3']);
  await said.take(5, ({ subject }) => subject === 'chimed.m2.t3');
  want('2', ['t2']);
  await said.take(8, ({ subject }) => subject === 'chimed.m2.t2');

  const history = new FleetHistory();
  const ear = history.listen('nats');
  const { numbers, published } = await driver.rest(history);
  await nats.flush();
  for (const { subject, data: frame } of said.items) {
    if (!subject.startsWith('chimed.')) continue;
    const { instance, seq } = frame as { instance: string; seq: number };
    ear.hear({ topic: subject.replace('chimed', 'remote'), instance, seq, missed: 0 });
  }
  expect(numbers.map(({ topic }) => topic)).toEqual(['remote.m2.t2', 'remote.m2.t3']);
  expect(history.verdict()).toEqual([]);
  expect(history.isCaughtUp(ear)).toBe(true);
  expect(ear.messages).toBe(published);
  await nats.close();
});
