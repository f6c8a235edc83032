import { Command } from 'commander';

import { withHelp } from './command-help.ts';
import { socketPath } from './connect-once.ts';
import type { Finish } from './exit-codes.ts';
import { configOption, logFormatOption, logLevelOption } from './program-options.ts';
import type { ForegroundFlags } from './program-start.ts';

/** `chimed serve`: runs the daemon in the foreground until a signal ends it. */
export function serveCommand(finish: Finish): Command {
  const command = new Command('serve')
    .description('run the daemon in the foreground')
    .addOption(configOption())
    .option('-s, --socket <path>', 'path of the socket; overrides the configuration', socketPath)
    .addOption(logLevelOption())
    .addOption(logFormatOption())
    .action(async (flags: ForegroundFlags) => {
      const { serveToEnd } = await import('./serve.ts');
      const { exitCode, exit } = await serveToEnd(flags);
      finish(exitCode, exit);
    });
  return withHelp(command, {
    notes: ['Files conf.d/*.yaml and conf.d/*.yml beside the configuration add topics.'],
    signals: {
      SIGHUP:
        'reloads the configuration; if it has mistakes, nothing changes. If the terminal was closed, stops like SIGTERM',
      'SIGTERM, SIGINT': 'stops, after sending what is queued for clients; a second signal exits at once',
    },
    examples: ['chimed serve', 'chimed serve --config ./chimed.yaml --log-level debug'],
  });
}
