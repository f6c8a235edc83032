/** How many topics are kept. */
export const MOST_RECENT = 10_000;

/** A value for each topic. Beyond `MOST_RECENT`, the topic that was set longest ago is forgotten. */
export class RecentTopics<Value> {
  readonly #values = new Map<string, Value>();

  get(topic: string): Value | undefined {
    return this.#values.get(topic);
  }

  set(topic: string, value: Value): void {
    this.#values.delete(topic); // A Map keeps the place of a key that is set again.
    this.#values.set(topic, value);
    if (this.#values.size > MOST_RECENT) this.#values.delete(this.#values.keys().next().value!);
  }

  delete(topic: string): void {
    this.#values.delete(topic);
  }
}
