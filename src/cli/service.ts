import { existsSync, realpathSync } from 'node:fs';
import { Command } from 'commander';

import { ChimedError } from '../errors.ts';
import type { InstallStep } from '../service/step.ts';
import { withHelp } from './command-help.ts';
import { shellQuoted } from './shell-quoted.ts';

interface Options {
  dryRun?: boolean;
  purge?: boolean;
}

const DRY_RUN = ['--dry-run', 'print the steps without doing them'] as const;

const NEXT = `
chimed is running. Next:
  systemctl status chimed       show its state
  chimed listen 'host.>'        print messages
  man chimed                    show the manual
  journalctl -u chimed -f       follow its log
  usermod -aG chimed alice      let alice connect, after her next login
  systemctl reload chimed       apply a change of /etc/chimed/chimed.yaml
  systemctl enable --now chimed-web.socket    serve topics and metrics over HTTP (man chimed-web)
  systemctl enable --now chimed-nats.service  exchange topics with other machines (man chimed-nats)
`;

/** `chimed service`: makes chimed a service of systemd's, or takes it away again. */
export function serviceCommand(): Command {
  const service = new Command('service').description('run chimed as a systemd service');
  const installCommand = service
    .command('install')
    .description('install the service, or upgrade it in place; the configuration and the numbering stay')
    .option(...DRY_RUN)
    .action(install);
  withHelp(installCommand, {
    notes: [
      'Copies chimed, its packages and the Node that runs it to /usr/local/lib/chimed, and manual pages and completions to /usr/local/share. Needs no network. Build as yourself, not as root. A checkout that other users can change is refused; with sudo, so is a checkout of another user.',
    ],
    examples: [
      'chimed service install --dry-run',
      'chimed service install             # as yourself: prints the command to run as root',
      'sudo /absolute/path/to/node /absolute/path/to/dist/cli/main.js service install',
    ],
  });
  const uninstallCommand = service
    .command('uninstall')
    .description('remove what service install installed, but keep the configuration')
    .option('--purge', 'also remove the configuration, the drop-ins, the users and the groups')
    .option(...DRY_RUN)
    .action(uninstall);
  withHelp(uninstallCommand, {
    notes: [
      'If the Debian package is installed as well, its service takes over at once: the configuration, the state and the group stay.',
    ],
    examples: ['sudo chimed service uninstall', 'sudo chimed service uninstall --purge'],
  });
  for (const subcommand of service.commands) subcommand.exitOverride().helpCommand(false);
  return service;
}

async function install({ dryRun = false }: Options): Promise<void> {
  const [{ installSteps }, { loadLibc }, { packagedVersion }] = await Promise.all([
    import('../service/install.ts'),
    import('../service/installer-libc.ts'),
    import('../service/packaged.ts'),
  ]);
  const packaged = packagedVersion();
  if (packaged !== undefined) {
    throw new Error(
      `the service is already installed, by the Debian package chimed ${packaged}; to install this chimed instead, ` +
        'run `sudo apt remove chimed` first, which keeps the configuration, the state and the group',
    );
  }
  const libc = await loadLibc();
  await run('install', () => installSteps(libc), dryRun);
  if (!dryRun) process.stdout.write(NEXT);
}

async function uninstall({ dryRun = false, purge = false }: Options): Promise<void> {
  const [{ handOverSteps, isInstalled, uninstallSteps }, { packagedVersion }] = await Promise.all([
    import('../service/uninstall.ts'),
    import('../service/packaged.ts'),
  ]);
  if (packagedVersion() === undefined) {
    await run('uninstall', () => uninstallSteps(purge), dryRun);
    return;
  }
  if (purge || !isInstalled()) {
    throw new Error(
      `the service belongs to the Debian package chimed; to remove it, run \`sudo apt ${purge ? 'purge' : 'remove'} chimed\``,
    );
  }
  await run('uninstall', handOverSteps, dryRun);
}

async function run(what: string, steps: () => Iterable<InstallStep>, dryRun: boolean): Promise<void> {
  if (!dryRun && !existsSync('/run/systemd/system')) {
    throw new Error('systemd is not running on this machine');
  }
  if (!dryRun && process.getuid!() !== 0) {
    throw new ChimedError('not-permitted', `only root can ${what} the service. Run: ${asRoot(what)}`);
  }
  process.umask(0o022); // Root's own may keep the daemon from its files.
  const { runSteps } = await import('../service/step.ts');
  runSteps(steps(), (line) => process.stdout.write(`${line}\n`), dryRun);
}

/** The command, without a look-up of any program by a PATH that is not root's. */
function asRoot(what: string): string {
  const words = ['sudo', process.execPath, realpathSync(process.argv[1]!), 'service', what];
  return words.map((word) => (/[^\w/.:@+-]/.test(word) ? shellQuoted(word) : word)).join(' ');
}
