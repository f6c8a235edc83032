import { Command, InvalidArgumentError, Option } from 'commander';

import { parseLoopback } from '../config/formats.ts';
import { withHelp } from './command-help.ts';
import { socketOption } from './connect-once.ts';
import type { Finish } from './exit-codes.ts';
import { configOption, logFormatOption, logLevelOption } from './program-options.ts';
import type { ListenAddress, WebOptions } from './web.ts';

/** `chimed web`: runs the gateway in the foreground until a signal ends it. */
export function webCommand(finish: Finish): Command {
  const command = new Command('web')
    .description('serve topics, metrics and a live page over HTTP')
    .addOption(configOption())
    .addOption(socketOption())
    .addOption(
      new Option(
        '-l, --listen <address...>',
        'unix:PATH or tcp:HOST:PORT, a loopback address (default: web.socket and web.address)',
      ).argParser(listenAddress),
    )
    .addOption(logLevelOption())
    .addOption(logFormatOption())
    .action(async (options: WebOptions) => {
      const { webToEnd } = await import('./web.ts');
      const { exitCode, exit } = await webToEnd(options);
      finish(exitCode, exit);
    });
  return withHelp(command, {
    notes: [
      'Routes: /, /topics, /topics/NAME, /listen, /metrics, /status, /healthz. docs/web.md describes them.',
      'A loopback port needs a token: web.tokenFile. On a terminal, a token is made if there is none.',
    ],
    signals: { 'SIGTERM, SIGINT': 'stops; a second signal exits at once' },
    examples: [
      'chimed web --listen tcp:127.0.0.1:8080',
      'curl --unix-socket /run/chimed/web.sock http://chimed/topics/host.load',
    ],
  });
}

function listenAddress(text: string, before: readonly ListenAddress[] = []): ListenAddress[] {
  const path = text.startsWith('unix:') ? text.slice('unix:'.length) : '';
  const loopback = text.startsWith('tcp:') ? parseLoopback(text.slice('tcp:'.length)) : undefined;
  if (path === '' && !loopback) {
    throw new InvalidArgumentError(
      'Use unix:PATH, or tcp: with a loopback address and a port, such as tcp:127.0.0.1:8080. For other machines, put a reverse proxy in front.',
    );
  }
  return [...before, loopback ? { kind: 'loopback', ...loopback } : { kind: 'unix', path }];
}
