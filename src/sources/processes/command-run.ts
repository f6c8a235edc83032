import { messageOf } from '../../errors.ts';
import { decodeUtf8 } from '../../text.ts';
import type { Launch } from './child.ts';
import { Child } from './child.ts';
import { takePlace } from './places.ts';
import type { Exit } from './started-process.ts';

/** Longest that it may take to find out why a program could not be run, in milliseconds. */
const EXPLAIN_MS = 1000;
/** How much of the line that says why it failed is shown. */
const LAST_LINE_CHARACTERS = 300;
/** Exit codes of a shell that could not run a command: not executable, and not found. */
const cannotRun = [126, 127];

/** What bounds one run of a command, and how it is started. */
export interface CommandRun extends Pick<Launch, 'argv' | 'directory' | 'env'> {
  topic: string;
  timeoutMs: number;
  maxBytes: number;
  /** Exit codes that are no failures; the output then begins with a line that is the code. @default 0, without such a line */
  exits?: readonly number[];
}

/**
 * Runs a command and returns its output. A run is bounded in time, bytes and processes: nothing that the command has
 * started is left when the run is over, except for what the kernel does not let end.
 * @throws at once if an earlier run still hangs; when `signal` aborts, once the command has ended; at its limits.
 */
export async function runCommand(run: CommandRun, signal: AbortSignal): Promise<string> {
  const { topic, argv, timeoutMs, maxBytes } = run;
  const place = await takePlace(`${topic}\0${argv.join('\0')}`);
  signal.throwIfAborted();
  const output: Buffer[] = [];
  let bytes = 0;
  const read = (chunk: Buffer): void => {
    output.push(Buffer.from(chunk));
    bytes += chunk.length;
    if (bytes <= maxBytes) return;
    end(`it printed more than ${maxBytes} bytes (maxBytes)`);
    child.closeOutput();
    giveUp(undefined);
  };
  const child = place.hold(new Child({ ...run, readers: { stdout: read } }));
  const { promise: ended, resolve: giveUp } = Promise.withResolvers<undefined>();
  let cause: string | undefined;
  const end = (why: string): void => {
    cause ??= why;
    child.end();
  };
  const timer = setTimeout(() => {
    end(`it took longer than ${timeoutMs} ms (timeout)`);
    giveUp(undefined); // It may take its time to end.
  }, timeoutMs);
  const stop = (): void => {
    end('it is no longer needed');
    void child.settled.then(() => giveUp(undefined));
  };
  signal.addEventListener('abort', stop);
  try {
    const exit = await Promise.race([child.gone, ended]);
    if (cause !== undefined || !exit) throw new Error(`the command was ended: ${cause}`);
    if ('code' in exit && run.exits?.includes(exit.code ?? -1))
      return `${exit.code}\n${decoded(Buffer.concat(output))}`;
    const failure = failureOf(exit);
    if (failure === undefined) return decoded(Buffer.concat(output));
    const why = 'failure' in exit ? '' : ((await explain(run, exit)) ?? tellingLine(child.stderr, output));
    throw new Error(`the command ${failure}${why}`);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

function decoded(output: Buffer): string {
  try {
    return decodeUtf8(output);
  } catch (error) {
    throw new Error(`what the command printed cannot be sent: ${messageOf(error)}`, { cause: error });
  }
}

/** What went wrong; undefined for exit code 0. */
export function failureOf(exit: Exit): string | undefined {
  if ('failure' in exit) return exit.failure;
  if (exit.code === 0) return undefined;
  return exit.code === null ? `was ended by ${exit.signal}` : `exited with ${exit.code}`;
}

/** A shell says of a script that it was not found, also if only the script's interpreter was not. */
async function explain({ argv, directory, env }: CommandRun, exit: Exit): Promise<string | undefined> {
  const [shell, option, text = ''] = argv;
  if (!('code' in exit && cannotRun.includes(exit.code ?? 0) && shell === '/bin/sh' && option === '-c'))
    return undefined;
  const [program] = /^[\w./@%+,:-]*\/[\w./@%+,:-]*(?=\s|$)/.exec(text.trim()) ?? [];
  if (program === undefined) return undefined;
  const child = new Child({ argv: [program], directory, env, mode: 'explain' });
  const timer = setTimeout(() => child.kill(), EXPLAIN_MS);
  await child.settled;
  clearTimeout(timer);
  const why = child.hung ? undefined : failureOf(await child.gone);
  return why?.startsWith('cannot be run: ') && !why.includes('the system cannot') ? `: it ${why}` : undefined;
}

/** The last line of what it wrote to stderr, else to stdout; the first if the last only says how it is used. */
export function tellingLine(stderr: string, output: readonly Buffer[] = []): string {
  const lines = (stderr || Buffer.concat(output).toString()).trim().split('\n');
  const line = lines[/^(usage|try)\b/i.test(lines.at(-1)!) ? 0 : lines.length - 1]!;
  return line && `: ${line.slice(-LAST_LINE_CHARACTERS)}`;
}
