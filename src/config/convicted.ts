import convict from 'convict';

import { isMapping, plainFault } from './format.ts';
import type { Format } from './format.ts';
import { formats } from './formats.ts';
import type { Key } from './schema.ts';

/** A value that is not of its key's format. */
export class Misfit extends Error {
  /** Set by convict. */
  declare readonly fullName: string;
  /** What is wrong, as a sentence. */
  readonly sentence: string;

  constructor({ expected, fault = plainFault, mistake }: Format, value: unknown) {
    super(`expected ${expected}`);
    this.sentence = mistake?.(value) ?? `${this.message}, but ${fault(value)}`;
  }
}

/** Those of one validation: convict itself puts all of them into one text. */
const misfits: Misfit[] = [];

for (const [name, format] of Object.entries<Format>(formats)) {
  convict.addFormat({
    name,
    validate(value) {
      if (format.check(value)) return;
      const misfit = new Misfit(format, value);
      misfits.push(misfit);
      throw misfit;
    },
    ...(format.fromText && { coerce: format.fromText }),
  });
}

/** Checks all values. */
export function validate<Values>(conf: convict.Config<Values>): Misfit[] {
  try {
    conf.validate({ allowed: 'warn', output() {} }); // Which keys there are is looked at before.
  } catch (error) {
    if (misfits.length === 0) throw error;
  }
  return misfits.splice(0);
}

/** One mapping of keys, such as a topic, with its defaults. */
export class Convicted<Name extends string> {
  readonly #conf: convict.Config<Record<string, unknown>>;
  /** Values that are mappings, and of their keys' formats. */
  readonly #mappings = new Map<string, unknown>();
  readonly misfits: readonly Pick<Misfit, 'fullName' | 'sentence'>[];

  /** @param values Of some of the schema's keys. */
  constructor(schema: Readonly<Record<Name, Key>>, values: Partial<Record<Name, unknown>>) {
    const misplaced: Pick<Misfit, 'fullName' | 'sentence'>[] = [];
    const given: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(values)) {
      const format: Format = formats[schema[name as Name].format];
      // convict takes a mapping for a level of the schema, and its keys for paths.
      if (!isMapping(value)) given[name] = value;
      else if (format.check(value)) this.#mappings.set(name, value);
      else misplaced.push({ fullName: name, sentence: new Misfit(format, value).sentence });
    }
    // A key that is there must have a value: nothing is null but what has not been given.
    const entries = Object.entries<Key>(schema).filter(
      ([name, key]) => Object.hasOwn(given, name) || key.default !== null,
    );
    this.#conf = convict(Object.fromEntries(entries) as convict.Schema<Record<string, unknown>>, {
      env: {},
      args: [],
    });
    for (const [name, value] of Object.entries(given)) this.#conf.set(name, value);
    this.misfits = [...misplaced, ...validate(this.#conf)];
  }

  /** The value of a key, or its default; undefined if it has neither. */
  get(name: Name): unknown {
    if (this.#mappings.has(name)) return this.#mappings.get(name);
    return this.#conf.has(name) ? this.#conf.get(name) : undefined;
  }
}
