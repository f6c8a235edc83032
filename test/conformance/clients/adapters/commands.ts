import { Splitter } from '../../../helpers/splitter.ts';

/** A command of the suite: docs/conformance.md. */
export type Command =
  | { do: 'connect'; name?: string }
  | { do: 'listen' | 'unlisten'; topics: string[] }
  | { do: 'pause' | 'continue' | 'close' }
  | { do: 'publish'; id: number; topic: string; data: unknown }
  | { do: 'get'; id: number; topic: string }
  | { do: 'provide' | 'unprovide'; topic: string }
  | { do: 'send'; topic: string; data: unknown }
  | { do: 'fail'; topic: string; error: string };

/** Writes an event. */
export function tell(on: string, fields: object = {}): void {
  process.stdout.write(`${JSON.stringify({ on, ...fields })}\n`);
}

/** Reads commands until stdin ends, which is a `close`. */
export function obey(take: (command: Command) => void): void {
  const splitter = new Splitter('\n');
  process.stdin.setEncoding('utf8').on('data', (text: string) => {
    for (const line of splitter.push(text)) take(JSON.parse(line) as Command);
  });
  process.stdin.on('end', () => take({ do: 'close' }));
}
