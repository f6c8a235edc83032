import { childThread } from './children.ts';
import { sourceEnvironment } from './environment.ts';
import { nagiosExits, parseNagios } from './nagios.ts';
import { parseOutput } from './output.ts';
import type { OutputFormat } from './output.ts';
import type { Source, SourceContext } from './source.ts';

/** Runs a command: an argument list as it is, a text by `/bin/sh -c`. */
export function commandSource(
  command: string | readonly string[],
  context: SourceContext,
  format: OutputFormat = 'auto',
): Source {
  const argv = typeof command === 'string' ? ['/bin/sh', '-c', command] : command;
  const { topic, directory, timeoutMs, maxBytes } = context;
  const exits = format === 'nagios' && { exits: nagiosExits };
  const run = { topic, argv, directory, env: sourceEnvironment(topic), timeoutMs, maxBytes, ...exits };
  return {
    async sample(signal) {
      const output = await childThread.perform({ kind: 'command', run }, signal);
      if (format !== 'nagios') return parseOutput(output, format);
      const end = output.indexOf('\n');
      return parseNagios(Number(output.slice(0, end)), output.slice(end + 1));
    },
  };
}
