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
      'configuration file (default: $CHIMED_CONFIG, then /etc/chimed/chimed.yaml, then the packaged one)',
    )
    .option('-s, --socket <path>', 'path of the socket; overrides the configuration', socketPath)
    .addOption(new Option('--log-level <level>', 'lowest level that is logged').choices(logLevels))
    .addOption(new Option('--log-format <format>', 'format of log lines').choices(logFormats))
    .action(async (options: ServeOptions) => {
      const { serveToEnd } = await import('./serve.ts');
      const { exitCode, exit } = await serveToEnd(options);
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
