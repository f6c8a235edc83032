import { beforeEach, describe, expect, test, vi } from 'vitest';

import type { Link } from '../../src/client/link.ts';
import { Requests } from '../../src/client/pending-requests.ts';
import type { RequestId } from '../../src/protocol/messages.ts';
import type { Status } from '../../src/protocol/status-snapshot.ts';

const TIMEOUT_MS = 1000;

let sent: { type: string; data: { id?: RequestId } }[];
let requests: Requests;

beforeEach(() => {
  sent = [];
  const send = (bytes: Buffer): void => void sent.push(JSON.parse(bytes.toString().slice(0, -1)));
  requests = new Requests({ ready: true, hasRoom: true, send } as unknown as Link, TIMEOUT_MS);
  vi.useFakeTimers();
  return () => vi.useRealTimers();
});

/** The daemon's answer to the request of this index. */
function answer(index: number, uptimeSeconds: number): Status & { id?: RequestId } {
  const { id } = sent[index]!.data;
  return { ...(id !== undefined && { id }), uptimeSeconds, topics: [] as never[], topicCount: 0 } as never;
}

describe('an answer to a status request', () => {
  test('that comes after the timeout is not the answer to the next request', async () => {
    const late = requests.status({});
    const failure = expect(late).rejects.toMatchObject({ code: 'timeout' });
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS);
    await failure;
    const next = requests.status({});
    requests.statusCame(answer(0, 1));
    requests.statusCame(answer(1, 2));
    expect(await next).toEqual({ uptimeSeconds: 2, topics: [], topicCount: 0 });
  });

  test('without an id, as of a daemon of version 0.1, goes to the oldest request', async () => {
    const both = Promise.all([requests.status({}), requests.status({})]);
    for (const uptimeSeconds of [1, 2]) {
      const { id: _, ...status } = answer(0, uptimeSeconds);
      requests.statusCame(status);
    }
    expect(await both).toMatchObject([{ uptimeSeconds: 1 }, { uptimeSeconds: 2 }]);
  });
});

describe('a status in pages', () => {
  /** Asks a daemon with 450 topics, whose list changes between the first two pages. */
  async function askWhile(change: (names: string[]) => void): Promise<string[]> {
    const names = Array.from({ length: 450 }, (_, index) => `t${index}`);
    let asked = 0;
    const send = (bytes: Buffer): void => {
      const { data } = JSON.parse(bytes.toString().slice(0, -1)) as { data: { id: number; after?: string } };
      if (++asked === 2) change(names);
      const from = data.after === undefined ? 0 : names.indexOf(data.after) + 1 || names.length;
      const topics = names.slice(from, from + 200).map((topic) => ({ topic }));
      const page = { id: data.id, topics, topicCount: names.length, clients: [] };
      queueMicrotask(() => paging.statusCame(page as never));
    };
    const paging = new Requests({ ready: true, hasRoom: true, send } as unknown as Link, TIMEOUT_MS);
    const status = await paging.status({});
    return status.topics.map(({ topic }) => topic);
  }

  test('has all topics, also if the last one of a page goes meanwhile', async () => {
    const seen = await askWhile((names) => names.splice(199, 1));
    expect(seen.length).toBe(450); // That one, too: it was there when the page was taken.
    expect(seen).toContain('t449');
  });

  test('has all topics, also if the last one of a page comes back at the end', async () => {
    const seen = await askWhile((names) => names.push(...names.splice(199, 1)));
    expect(seen.toSorted()).toEqual(Array.from({ length: 450 }, (_, index) => `t${index}`).toSorted());
  });

  test('ends when a reload has removed the rest', async () => {
    const seen = await askWhile((names) => names.splice(200));
    expect(seen.length).toBe(200);
  });

  test('ends, although a daemon gives the same page again and again', async () => {
    let asked = 0;
    const send = (bytes: Buffer): void => {
      const { id } = (JSON.parse(bytes.toString().slice(0, -1)) as { data: { id: number } }).data;
      if (++asked > 100) throw new Error('it asks without end');
      queueMicrotask(() =>
        paging.statusCame({ id, topics: [{ topic: 't' }], topicCount: 450, clients: [] } as never),
      );
    };
    const paging = new Requests({ ready: true, hasRoom: true, send } as unknown as Link, TIMEOUT_MS);
    expect((await paging.status({})).topics).toEqual([{ topic: 't' }]);
  });
});
