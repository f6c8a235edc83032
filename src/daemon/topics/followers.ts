import type { TopicFollower } from '../../sources/derived/derived.ts';

/** The topics that are made of one, while they are awake. */
export class Followers {
  /** Made when there is one: most topics have none. */
  #all: Set<TopicFollower> | undefined;

  get isEmpty(): boolean {
    return !this.#all || this.#all.size === 0;
  }

  add(follower: TopicFollower): void {
    this.#all ??= new Set();
    this.#all.add(follower);
  }

  delete(follower: TopicFollower): void {
    this.#all?.delete(follower);
  }

  /** @param json The payload, which is parsed once for all of them. */
  message(json: string): void {
    if (this.isEmpty) return;
    const payload: unknown = JSON.parse(json);
    for (const follower of this.#all ?? []) follower.message(payload);
  }

  /** The same message is the latest still. */
  latest(json: string): void {
    if (this.isEmpty) return;
    const payload: unknown = JSON.parse(json);
    for (const follower of this.#all ?? []) follower.latest(payload);
  }

  failing(error: string): void {
    for (const follower of this.#all ?? []) follower.failing(error);
  }

  recovered(): void {
    for (const follower of this.#all ?? []) follower.recovered();
  }
}
