import { Command } from 'commander';

import { withHelp } from './command-help.ts';
import { socketOption } from './connect-once.ts';
import type { Finish } from './exit-codes.ts';
import { configOption, logFormatOption, logLevelOption } from './program-options.ts';
import type { ForegroundFlags } from './program-start.ts';

/** `chimed nats`: runs the bridge to other machines in the foreground until a signal ends it. */
export function natsCommand(finish: Finish): Command {
  const command = new Command('nats')
    .description('exchange topics with other machines over NATS')
    .addOption(configOption())
    .addOption(socketOption())
    .addOption(logLevelOption())
    .addOption(logFormatOption())
    .action(async (flags: ForegroundFlags) => {
      const { natsToEnd } = await import('./nats.ts');
      const { exitCode, exit } = await natsToEnd(flags);
      finish(exitCode, exit);
    });
  return withHelp(command, {
    notes: [
      'Needs nats.servers in the configuration. nats.export names the topics that leave the machine, nats.import those that come from others: as remote.MACHINE.TOPIC. docs/fleet.md describes it.',
      'Runs without a daemon and without a NATS server, and connects when they are there.',
    ],
    signals: {
      SIGHUP:
        'reads the configuration and the credentials again; if they have mistakes, nothing changes. If the terminal was closed, stops like SIGTERM',
      'SIGTERM, SIGINT': 'stops; a second signal exits at once',
    },
    examples: [
      'chimed nats',
      "chimed listen 'remote.web2.host.>' # on a machine that imports host.> from web2",
    ],
  });
}
