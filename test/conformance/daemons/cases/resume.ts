import type { DaemonUnderTest } from '../daemon-under-test.ts';
import type { Frame, RawPeer, Registered } from '../raw-peer.ts';

/** A topic that keeps so many messages for clients that resume. */
export const kept = (history: number) => ({ publish: true, history });

/** The daemon's numbering. */
export async function instanceOf(daemon: DaemonUnderTest): Promise<string> {
  const peer = await daemon.connect();
  return (await peer.register([])).instance;
}

/** Registers with a point to resume at. */
export async function resume(
  daemon: DaemonUnderTest,
  topics: readonly string[],
  point: object,
): Promise<[RawPeer, Registered]> {
  const peer = await daemon.connect();
  return [peer, await peer.register(topics, { resume: point })];
}

/** All messages that a client has, once there is one with this payload. */
export async function upTo(peer: RawPeer, last: unknown): Promise<Frame[]> {
  await peer.frames.find(({ seq, data }) => seq !== undefined && data === last);
  return peer.frames.items.filter(({ seq }) => seq !== undefined);
}

export async function publishAll(peer: RawPeer, ...topics: string[]): Promise<void> {
  for (const topic of topics) await peer.publish(topic, 'away');
}
