import type { Message, Subscription } from '../../src/index.ts';

/** The next `count` messages. */
export async function next(subscription: Subscription, count: number): Promise<Message[]> {
  const messages: Message[] = [];
  while (messages.length < count) messages.push((await subscription.next()).value!);
  return messages;
}

/** What each message says of its place in the stream. */
export const numbers = (messages: Message[]) => messages.map(({ seq, missed }) => [seq, missed]);
