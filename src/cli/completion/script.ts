import type { Command } from 'commander';

import type { COMPLETIONS } from '../../service/layout.ts';
import { SCRIPT_MARK } from '../../service/shared-files.ts';
import { bashScript } from './bash.ts';
import { contextsOf } from './contexts.ts';
import type { Context } from './contexts.ts';
import { fishScript } from './fish.ts';
import { zshScript } from './zsh.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** The files of the scripts in `dist/completions`. */
export const scriptNames: Readonly<Record<Shell, keyof typeof COMPLETIONS>> = {
  bash: 'chimed.bash',
  zsh: '_chimed',
  fish: 'chimed.fish',
};

const generators: Record<Shell, (contexts: readonly Context[]) => string> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/** The completion script of a shell for a tree of commands. It calls chimed for the names of topics only. */
export function completionScript(shell: Shell, program: Command): string {
  const body = generators[shell](contextsOf(program));
  // zsh looks for #compdef in the first line.
  return shell === 'zsh' ? `#compdef chimed\n${SCRIPT_MARK}\n${body}` : `${SCRIPT_MARK}\n${body}`;
}
