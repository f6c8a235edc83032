import type { CommandRun } from './command-run.ts';
import { runCommand } from './command-run.ts';
import { sourceEnvironment } from '../environment.ts';
import type { SourceContext } from '../source.ts';

/** Largest output that is read, in bytes. `maxBytes` is about the payload, which is smaller. */
const OUTPUT_BYTES = 4 * 1024 * 1024;

/** The surroundings of a program of the system that runs for a topic: its messages are English. */
export function systemSurroundings(topic: string): Pick<CommandRun, 'topic' | 'directory' | 'env'> {
  return { topic, directory: '/', env: { ...sourceEnvironment(topic), LC_ALL: 'C' } };
}

/**
 * Runs a program of the system, bounded as a `command`.
 * @param exits See `CommandRun`.
 * @returns what it printed.
 */
export async function runSystemProgram(
  argv: readonly string[],
  { topic, timeoutMs }: Pick<SourceContext, 'topic' | 'timeoutMs'>,
  signal: AbortSignal,
  exits: readonly number[] = [],
): Promise<string> {
  const limits = { timeoutMs, maxBytes: OUTPUT_BYTES };
  return await runCommand({ ...systemSurroundings(topic), ...limits, argv, exits }, signal);
}
