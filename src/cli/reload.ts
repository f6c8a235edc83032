import { Command } from 'commander';

import { withRest } from '../text.ts';
import { withHelp } from './command-help.ts';
import { connectOnce, socketOption } from './connect-once.ts';

/** How long a daemon may take: it loads each module once, within the topic's timeout. */
const PATIENCE_MS = 120_000;

/** `chimed reload`: has the daemon load its configuration again, and says what came of it. */
export function reloadCommand(): Command {
  const command = new Command('reload')
    .description('make the daemon reload its configuration, and print the result')
    .addOption(socketOption())
    .action(reload);
  return withHelp(command, {
    notes: [
      'Only root and the user that runs the daemon can do this. If the configuration has mistakes, nothing changes and the exit code is 78.',
    ],
    examples: ['chimed reload', 'sudo chimed reload'],
  });
}

async function reload({ socket }: { socket?: string }): Promise<void> {
  await using client = await connectOnce('reload', socket, { timeoutMs: PATIENCE_MS });
  const { config, changed, removed, changedCount, removedCount, needRestart } = await client.reload();
  const changes = [named('changed', changed, changedCount), named('removed', removed, removedCount)].filter(
    Boolean,
  );
  process.stdout.write(`${config}: ${changes.join('; ') || 'no topic has changed'}\n`);
  if (needRestart.length > 0)
    process.stderr.write(`chimed: these changes take effect after a restart: ${needRestart.join(', ')}\n`);
}

function named(what: string, topics: readonly string[], count: number): string {
  return count > 0 ? `${what} ${withRest(topics, count).join(', ')}` : '';
}
