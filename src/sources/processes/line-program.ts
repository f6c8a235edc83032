import type { Logger } from '../../log.ts';
import { Child } from './child.ts';
import type { Launch } from './child.ts';
import { failureOf, tellingLine } from './command-run.ts';
import { LineBudget } from './line-budget.ts';
import { Lines } from './lines.ts';
import type { TakeLine } from './lines.ts';
import { takePlace } from './places.ts';
import type { StreamSink } from '../source.ts';

/** Longest line of standard error that is logged, in bytes. */
const LOGGED_BYTES = 1024;

/** A program that runs as long as its lines are wanted. */
export interface LineProgram extends Pick<Launch, 'argv' | 'directory' | 'env'> {
  topic: string;
  /** What errors call it. */
  name: string;
  /** Longest line that is taken whole, in bytes. */
  maxLineBytes: number;
  /** Gets the lines of standard error. */
  logger: Logger;
  /** Takes a line of standard output. */
  onLine: TakeLine;
}

/**
 * Runs a program until `signal` aborts. Resolves when nothing of it is left, or what is left cannot be killed.
 * @throws when it ends by itself, with the last line of its standard error.
 */
export async function runLineProgram(
  program: LineProgram,
  sink: Pick<StreamSink, 'together'>,
  signal: AbortSignal,
): Promise<void> {
  const { topic, argv, directory, env, name, maxLineBytes, logger, onLine } = program;
  const place = await takePlace(`${topic}\0${name}`);
  if (signal.aborted) return;
  const lines = new Lines(maxLineBytes, onLine);
  const budget = new LineBudget(name, (line) => logger[line.level](line.fields, line.message));
  const errorLines = new Lines(LOGGED_BYTES, (line) => {
    budget.log({ level: 'info', fields: { topic, output: 'stderr' }, message: String(line) });
  });
  const readers: Launch['readers'] = {
    stdout(bytes, mayGoOn) {
      if (signal.aborted) return undefined;
      let rest: Buffer | undefined;
      sink.together(() => (rest = lines.push(bytes, mayGoOn)));
      return rest;
    },
    stderr: errorLines.push,
  };
  const child = place.hold(new Child({ argv, directory, env, readers }));
  const end = (): void => child.end();
  signal.addEventListener('abort', end);
  try {
    const exit = await Promise.race([child.gone, child.settled.then(() => undefined)]);
    if (signal.aborted) return;
    sink.together(() => lines.end());
    if (!exit) throw new Error(`${name} was ended, but process ${child.pid} hangs`);
    const why = 'failure' in exit ? '' : tellingLine(child.stderr);
    throw new Error(`${name} ${failureOf(exit) ?? 'exited with 0'}${why}`);
  } finally {
    signal.removeEventListener('abort', end);
  }
}
