import { resolve } from 'node:path';

import type { SourceContext } from './source.ts';

/** What the process of a command or a module is given. */
export interface Surroundings {
  /** Variables beside those that all have. */
  env?: Readonly<Record<string, string>>;
  /** Its current directory, relative to the configuration file's. @default that one */
  directory?: string;
}

/** Variables of the daemon that commands and modules get too; all others are kept from them. */
const passedOn = /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|XDG_RUNTIME_DIR)$/;
/** Where programs are looked up if the daemon has no PATH. */
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The environment of a topic's command or module: what `passedOn` names, and `CHIMED_TOPIC`. */
export function sourceEnvironment(
  topic: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string | undefined> {
  const passed = Object.entries(env).filter(([name]) => passedOn.test(name));
  return { PATH: defaultPath, ...Object.fromEntries(passed), CHIMED_TOPIC: topic };
}

/** The directory and the environment that a process is started with. */
export function surroundingsOf(
  { env, directory = '.' }: Surroundings,
  context: SourceContext,
): { directory: string; env: Record<string, string | undefined> } {
  return {
    directory: resolve(context.directory, directory),
    env: { ...sourceEnvironment(context.topic), ...env },
  };
}
