import { basename } from 'node:path';

import { ChimedError } from '../errors.ts';

/** One thing that is wrong in a configuration. */
export interface Mistake {
  /** Keys that lead to it, `['topics', 'host.load', 'interval']`; empty for the file as a whole. */
  path: readonly string[];
  /** What is wrong, and what was expected. */
  message: string;
  /** Line in the file, from 1, where it can be told. */
  line?: number;
  /** The file, if it is not the configuration's first. */
  file?: string;
  /** Environment variable that the value came from, if it did not come from the file. */
  variable?: string;
}

/** Notes a mistake in one part of a configuration; `path` leads to it from that part. */
export type Complain = (message: string, ...path: string[]) => void;

/** A configuration that cannot be used, with all that is wrong in it. Its message has a line for each. */
export class ConfigError extends ChimedError {
  readonly file: string;
  readonly mistakes: readonly Mistake[];

  constructor(file: string, mistakes: readonly Mistake[]) {
    const count = mistakes.length === 1 ? '1 mistake' : `${mistakes.length} mistakes`;
    const lines = mistakes.map((mistake) => `\n  ${describe(file, mistake)}`);
    super('bad-config', `${file} has ${count}:${lines.join('')}`);
    this.file = file;
    this.mistakes = mistakes;
  }
}

function describe(first: string, { path, message, line, file = basename(first) }: Mistake): string {
  const place = line === undefined ? '' : `${file}:${line} `;
  return path.length === 0 ? `${place}${message}` : `${place}${path.join('.')}: ${message}`;
}
