import type { Message } from '../../client/api.ts';
import { RecentTopics } from './recent-topics.ts';

/** The messages for which the command runs. */
export interface TriggerOptions {
  /** Throws if it cannot be evaluated, which counts as not true. @default always true */
  where?: ((message: Message) => boolean) | undefined;
  /** Is told of each failure of `where`. */
  onFault: (message: Message, error: unknown) => void;
  /** Only messages whose data differs from that of the topic's previous message; the first message does. */
  onChange?: boolean | undefined;
  /** Only the message with which `where` has been true for this many messages of the topic in a row. */
  inARow?: number | undefined;
}

interface TopicState {
  instance: string;
  /** Of the data, and not the data: a payload can have many megabytes. */
  digest: string | undefined;
  /** How many of the latest messages matched, in a row. */
  row: number;
}

/** Decides for each message whether it runs the command. */
export class Trigger {
  readonly #options: TriggerOptions;
  readonly #topics = new RecentTopics<TopicState>();

  constructor(options: TriggerOptions) {
    this.#options = options;
  }

  /** Reports whether this message runs the command. It must be called for each message, in order. */
  takes(message: Message): boolean {
    const { onChange, inARow } = this.#options;
    const matches = this.#matches(message);
    if (!onChange && inARow === undefined) return matches;
    const before = this.#topics.get(message.topic);
    const row = matches ? rowBefore(before, message, inARow) + 1 : 0;
    const digest = onChange ? digestOf(message.data) : undefined;
    this.#topics.set(message.topic, { instance: message.instance, digest, row });
    if (inARow !== undefined) return row === inARow;
    return matches && digest !== before?.digest;
  }

  #matches(message: Message): boolean {
    const { where, onFault } = this.#options;
    if (!where) return true;
    try {
      return where(message);
    } catch (error) {
      onFault(message, error);
      return false;
    }
  }
}

/** A row must have no gap: a message that was lost may not have matched. Once it is complete, a gap does not begin it again. */
function rowBefore(
  state: TopicState | undefined,
  { missed, instance }: Message,
  inARow = Number.POSITIVE_INFINITY,
): number {
  if (!state) return 0;
  const hasGap = missed > 0 || instance !== state.instance;
  return hasGap && state.row < inARow ? 0 : state.row;
}

function digestOf(data: unknown): string {
  return process.getBuiltinModule('node:crypto').hash('sha256', JSON.stringify(data), 'base64');
}
