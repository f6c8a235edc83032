import type { WholeResumePoint } from '../../protocol/messages.ts';
import type { CountSince } from '../topics/offsets.ts';
import type { Topic } from '../topics/topic.ts';
import type { RequestContext } from './request-context.ts';

/** Where a client that registers stood when it last heard us. */
export class Resumption {
  readonly #point: WholeResumePoint | undefined;
  readonly #instance: string;
  /** What has come since its offset, if it has one that is still known. */
  readonly #since: CountSince | undefined;

  constructor(point: WholeResumePoint | undefined, { instance, offsets }: RequestContext) {
    this.#point = point;
    this.#instance = instance;
    if (point?.offset !== undefined && point.instance === instance) this.#since = offsets.since(point.offset);
  }

  /** True if it has an offset, and nobody can count what came after that. */
  get isUncounted(): boolean {
    return this.#point?.offset !== undefined && this.#since === undefined;
  }

  /** The number of the last message of a topic that it heard; undefined if it begins with the topic, or nobody knows. */
  after(topic: Topic): number | undefined {
    const { after = {}, instances = {}, instance } = this.#point ?? {};
    const numbering = Object.hasOwn(instances, topic.name) ? instances[topic.name] : undefined;
    const isSame =
      numbering === undefined
        ? instance === this.#instance
        : numbering === (topic.instance ?? this.#instance);
    if (isSame && Object.hasOwn(after, topic.name)) return after[topic.name];
    return this.afterOffset(topic);
  }

  /** The same by its offset alone. Of a topic that has been added since, maybe again, nobody knows. */
  afterOffset(topic: Topic): number | undefined {
    if (topic.addedAt > (this.#point?.offset ?? 0)) return undefined;
    const count = this.#since?.of(topic.number);
    return count === undefined ? undefined : topic.seq - count;
  }
}
