import { runCommand } from './processes/command-run.ts';
import { surroundingsOf } from './environment.ts';
import type { Surroundings } from './environment.ts';
import { nagiosExits, parseNagios } from './nagios.ts';
import { parseOutput } from './output.ts';
import type { OutputFormat } from './output.ts';
import type { Source, SourceContext } from './source.ts';

interface CommandConfig extends Surroundings {
  command: string | readonly string[];
  /** @default 'auto' */
  format?: OutputFormat;
}

/** Runs a command: an argument list as it is, a text by `/bin/sh -c`. */
export function commandSource(config: CommandConfig, context: SourceContext): Source {
  const { command, format = 'auto' } = config;
  const argv = typeof command === 'string' ? ['/bin/sh', '-c', command] : command;
  const { topic, timeoutMs, maxBytes } = context;
  const exits = format === 'nagios' && { exits: nagiosExits };
  const run = { topic, argv, ...surroundingsOf(config, context), timeoutMs, maxBytes, ...exits };
  return {
    async sample(signal) {
      const output = await runCommand(run, signal);
      if (format !== 'nagios') return parseOutput(output, format);
      const end = output.indexOf('\n');
      return parseNagios(Number(output.slice(0, end)), output.slice(end + 1));
    },
  };
}
