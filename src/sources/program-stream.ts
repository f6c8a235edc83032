import { messageOf } from '../errors.ts';
import { decodeUtf8 } from '../text.ts';
import { surroundingsOf } from './environment.ts';
import type { Surroundings } from './environment.ts';
import { runLineProgram } from './processes/line-program.ts';
import { parseOutput } from './output.ts';
import type { PlainFormat } from './output.ts';
import type { SourceContext, StreamSource } from './source.ts';

interface StreamConfig extends Surroundings {
  stream: string | readonly string[];
  /** How each line is read. @default 'auto' */
  format?: PlainFormat;
}

/** Runs a program: an argument list as it is, a text by `/bin/sh -c`. Each line that it prints is a payload. */
export function streamSource(config: StreamConfig, context: SourceContext): StreamSource {
  const { stream, format = 'auto' } = config;
  const { topic, maxBytes, logger } = context;
  const program = {
    topic,
    name: 'the program',
    argv: typeof stream === 'string' ? ['/bin/sh', '-c', stream] : stream,
    ...surroundingsOf(config, context),
    maxLineBytes: maxBytes,
    logger,
  };
  return {
    async run(signal, sink) {
      const onLine = (line: Buffer, cut: boolean): void => {
        if (cut) return sink.fail(`the program printed a line of more than ${maxBytes} bytes (maxBytes)`);
        let payload: unknown;
        try {
          const text = withoutReturn(decodeUtf8(line));
          if (format !== 'text' && text.trim() === '') return; // It separates what is printed.
          payload = parseOutput(text, format);
        } catch (error) {
          return sink.fail(`a line that the program printed cannot be sent: ${messageOf(error)}`);
        }
        sink.send(payload);
      };
      await runLineProgram({ ...program, onLine }, sink, signal);
    },
  };
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
