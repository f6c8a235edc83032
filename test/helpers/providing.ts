import type { Wanted } from '../../src/protocol/messages.ts';
import type { TestDaemon } from './daemon.ts';
import type { RawClient } from './raw-client.ts';

/** Has a client provide topics, and waits for the answer. */
export async function provide(client: RawClient, ...topics: string[]): Promise<void> {
  const from = client.frames.items.length;
  await client.send('chimed.provide', { topics, id: from }).frame('chimed.provided', from);
}

/** A client that provides topics. */
export async function provider(daemon: TestDaemon, ...topics: string[]): Promise<RawClient> {
  const client = await daemon.raw();
  await provide(client, ...topics);
  return client;
}

/** A client that is registered for topics. */
export async function subscriber(daemon: TestDaemon, ...topics: string[]): Promise<RawClient> {
  const client = await daemon.raw();
  await client.send('chimed.register', { topics }).frame('chimed.registered');
  return client;
}

/** Sends a message of a topic that was numbered elsewhere. */
export function sendNumbered(client: RawClient, type: string, instance: string, seq: number): void {
  client.write(`${JSON.stringify({ type, data: seq, seq, time: 1000 + seq, instance })}\f`);
}

/** All that a client has been sent so far of these types, with the topics or numbers. */
export async function sentOf(client: RawClient, ...types: string[]): Promise<unknown[]> {
  const from = client.frames.items.length;
  await client.send('chimed.status', { topics: [] }).frame('chimed.status', from);
  return client.frames.items
    .filter(({ type }) => types.includes(type))
    .map(({ type, data, seq }) => [type, seq ?? (data as Wanted).topic]);
}
