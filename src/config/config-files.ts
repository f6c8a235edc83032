import { readFileSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { ChimedError, messageAt, systemCode } from '../errors.ts';
import { decodeUtf8 } from '../text.ts';
import { YamlError, parseYaml } from '../yaml.ts';
import { isMapping } from './format.ts';
import { KeyLines } from './key-lines.ts';
import { ConfigError } from './mistakes.ts';
import type { Mistake } from './mistakes.ts';
import { yamlMistakes } from './yaml-mistakes.ts';

/** Paths in what is read from there start from the current directory. */
export const STDIN = '/dev/stdin';
/** The directory beside a configuration whose files add topics to it. */
const MORE = 'conf.d';

/** One file of a configuration. */
interface ConfigFile {
  file: string;
  /** What errors call it. */
  name: string;
  raw: Record<string, unknown>;
  lines: () => KeyLines;
}

/** A configuration as it is written: a file, and those that add topics to it. */
export class ConfigFiles {
  readonly #main: ConfigFile;
  readonly #more: readonly ConfigFile[];
  /** Where each topic is from. */
  readonly #origins = new Map<string, ConfigFile>();

  /** @throws {ChimedError} `bad-config` for a file that cannot be read or is no mapping in YAML. */
  constructor(file: string) {
    this.#main = readConfigFile(file, basename(file));
    const directory = join(dirname(file), MORE);
    const names = file === STDIN ? [] : yamlFiles(directory);
    this.#more = names.map((name) => readMore(join(directory, name), join(MORE, name)));
  }

  /** What the file itself says, but for the topics. */
  get settings(): Record<string, unknown> {
    const { topics: _, ...settings } = this.#main.raw;
    return settings;
  }

  /** The topics of all files. What is wrong with where they are is added to `mistakes`. */
  topics(mistakes: Mistake[]): unknown {
    const { topics } = this.#main.raw;
    if (this.#more.length === 0 || !(isMapping(topics) || topics === undefined || topics === null))
      return topics;
    const all = new Map<string, unknown>();
    for (const file of [this.#main, ...this.#more]) this.#add(file, all, mistakes);
    return Object.fromEntries(all);
  }

  /** The mistake with the file and the line that it is in. */
  locate(mistake: Mistake): Mistake {
    if (mistake.variable !== undefined || mistake.line !== undefined) return mistake;
    const [section, topic = ''] = mistake.path;
    const file = (section === 'topics' && this.#origins.get(topic)) || this.#main;
    const line = file.lines().of(mistake.path);
    return {
      ...mistake,
      ...(line !== undefined && { line }),
      ...(file !== this.#main && { file: file.name }),
    };
  }

  #add(file: ConfigFile, all: Map<string, unknown>, mistakes: Mistake[]): void {
    const { topics = {}, ...settings } = file.raw;
    const complain = (path: string[], message: string): void => {
      const line = file.lines().of(path);
      mistakes.push({ path, message, file: file.name, ...(line !== undefined && { line }) });
    };
    if (file !== this.#main) {
      for (const key of Object.keys(settings).filter((name) => !name.startsWith('x-')))
        complain([key], `only topics can be set here; move this key to ${this.#main.name}`);
      if (topics !== null && !isMapping(topics))
        return complain(['topics'], 'expected a mapping of topic names to topics');
    }
    for (const [name, topic] of Object.entries(topics ?? {})) {
      const other = this.#origins.get(name);
      if (other) complain(['topics', name], `${other.name} has a topic of this name too`);
      else {
        this.#origins.set(name, file);
        all.set(name, topic);
      }
    }
  }
}

function yamlFiles(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => /^[^.].*\.ya?ml$/.test(name))
      .toSorted();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return [];
    throw unreadable(directory, error);
  }
}

function readMore(file: string, name: string): ConfigFile {
  // To open a pipe would wait for somebody to write to it.
  if (statSync(file, { throwIfNoEntry: false })?.isFile() === false)
    throw unreadable(file, new Error('it is not a regular file'));
  return readConfigFile(file, name);
}

function readConfigFile(file: string, name: string): ConfigFile {
  let text: string;
  try {
    text = decodeUtf8(readBytes(file));
  } catch (error) {
    throw unreadable(file, error);
  }
  const raw = parse(text, file);
  if (!isMapping(raw)) throw new ConfigError(file, [{ path: [], message: 'expected a mapping with topics' }]);
  let lines: KeyLines | undefined;
  return { file, name, raw, lines: () => (lines ??= new KeyLines(text)) };
}

function readBytes(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    // A socket cannot be opened by its name; anything else must be, for Node has the descriptor not wait.
    if (file === STDIN && systemCode(error) === 'ENXIO') return readFileSync(0);
    throw error;
  }
}

function unreadable(path: string, error: unknown): ChimedError {
  return new ChimedError('bad-config', `the configuration cannot be read: ${messageAt(path, error)}`, {
    cause: error,
  });
}

function parse(text: string, file: string): unknown {
  try {
    return parseYaml(text, { merge: true }) ?? {};
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    throw new ConfigError(file, yamlMistakes(text, error));
  }
}
