import { runCommand } from './command-run.ts';
import { sourceEnvironment } from '../environment.ts';
import type { SourceContext } from '../source.ts';

/** Largest output that is read, in bytes. `maxBytes` is about the payload, which is smaller. */
const OUTPUT_BYTES = 4 * 1024 * 1024;

/** Runs a program of the system, bounded as a `command`, with English messages. @returns what it printed. */
export async function runSystemProgram(
  argv: readonly string[],
  { topic, timeoutMs }: Pick<SourceContext, 'topic' | 'timeoutMs'>,
  signal: AbortSignal,
  exits: readonly number[] = [],
): Promise<string> {
  const env = { ...sourceEnvironment(topic), LC_ALL: 'C' };
  return await runCommand(
    { topic, argv, directory: '/', env, timeoutMs, maxBytes: OUTPUT_BYTES, exits },
    signal,
  );
}
