import { Command, Option } from 'commander';

import { logFormats, logLevels } from '../config/formats.ts';
import { withHelp } from './command-help.ts';
import { socketPath } from './connect-once.ts';
import type { Finish } from './exit-codes.ts';
import type { ServeOptions } from './serve.ts';

/** `chimed serve`: runs the daemon in the foreground until a signal ends it. */
export function serveCommand(finish: Finish): Command {
  const command = new Command('serve')
    .description('run the daemon in the foreground')
    .option(
      '-c, --config <file>',
      'configuration (default: $CHIMED_CONFIG, /etc/chimed/chimed.yaml, else the packaged one)',
    )
    .option('-s, --socket <path>', 'path of the socket, over the one in the configuration', socketPath)
    .addOption(new Option('--log-level <level>', 'least important lines that are written').choices(logLevels))
    .addOption(new Option('--log-format <format>', 'how lines are written').choices(logFormats))
    .action(async (options: ServeOptions) => {
      const { serveToEnd } = await import('./serve.ts');
      const { exitCode, exit } = await serveToEnd(options);
      finish(exitCode, exit);
    });
  return withHelp(command, {
    notes: ['Files conf.d/*.yaml and conf.d/*.yml beside the configuration add topics.'],
    signals: {
      SIGHUP:
        'loads the configuration again; a broken one changes nothing. Stops, as SIGTERM does, if the terminal was closed',
      'SIGTERM, SIGINT': 'stops: clients get what is queued for them; a second one ends it at once',
    },
    examples: ['chimed serve', 'chimed serve --config ./chimed.yaml --log-level debug'],
  });
}
