import { Argument, Command } from 'commander';

import { withHelp } from './command-help.ts';
import { completionScript, shells } from './completion/script.ts';
import type { Shell } from './completion/script.ts';

/** `chimed completion`: prints the completion script of a shell, for installations that do not place it themselves. */
export function completionCommand(): Command {
  const command = new Command('completion')
    .description('print the completion script of a shell')
    .addArgument(new Argument('<shell>', 'the shell that reads it').choices(shells))
    .action((shell: Shell) => void process.stdout.write(completionScript(shell, command.parent!)));
  return withHelp(command, {
    notes: [
      'A service installed with chimed service install, or from a Debian package, has these scripts in place.',
    ],
    examples: [
      'source <(chimed completion bash)      # in ~/.bashrc',
      'source <(chimed completion zsh)       # in ~/.zshrc, after compinit',
      'chimed completion fish | source       # in ~/.config/fish/config.fish',
    ],
  });
}
