import type { Argument, Command, Option } from 'commander';

import { helpOf } from '../command-help.ts';

/** What stands in a place of the command line: one of some words, the name of a file, a topic or a program, or anything. */
export type Candidates = readonly Word[] | 'file' | 'topic' | 'program' | 'anything';

export interface Word {
  word: string;
  description: string;
}

export interface ContextOption {
  /** `-n`, `--count`. */
  flags: readonly string[];
  description: string;
  /** Absent for an option without a value. */
  value?: Candidates;
}

export interface Operand {
  name: string;
  candidates: Candidates;
  /** Stands for all that follow, too. */
  isVariadic: boolean;
}

/** What can follow a command's name. */
export interface Context {
  /** The words after `chimed`: none, `listen`, `service install`. With `BEHIND`, what follows the `--` of such a command. */
  path: string;
  commands: readonly Word[];
  options: readonly ContextOption[];
  operands: readonly Operand[];
}

/** Ends the path of the program that stands behind `--`. */
export const BEHIND = '--';

/** What the placeholders of options and arguments stand for: `<file>`, `[pattern...]`. */
const byPlaceholder: Readonly<Record<string, Candidates>> = {
  file: 'file',
  path: 'file',
  topic: 'topic',
  pattern: 'topic',
};

/** All places of a tree of commands, the program's own first. */
export function contextsOf(program: Command): Context[] {
  return inside(program, '', commandWords(program));
}

function inside(command: Command, path: string, allCommands: readonly Word[]): Context[] {
  const context: Context = {
    path,
    commands: commandWords(command),
    options: command.createHelp().visibleOptions(command).map(contextOption),
    operands: command.registeredArguments.map((argument) => operand(argument, allCommands)),
  };
  const inner = command.createHelp().visibleCommands(command);
  const program = helpOf(command)?.program === undefined ? [] : [behindDashes(path)];
  return [
    context,
    ...program,
    ...inner.flatMap((one) => inside(one, `${path} ${one.name()}`.trim(), allCommands)),
  ];
}

function behindDashes(path: string): Context {
  const operands: Operand[] = [
    { name: 'command', candidates: 'program', isVariadic: false },
    { name: 'argument', candidates: 'file', isVariadic: true },
  ];
  return { path: `${path}${BEHIND}`, commands: [], options: [], operands };
}

/** The commands behind whose `--` a program stands. */
export function pathsWithProgram(contexts: readonly Context[]): string[] {
  return contexts.flatMap(({ path }) => (path.endsWith(BEHIND) ? [path.slice(0, -BEHIND.length)] : []));
}

function commandWords(command: Command): Word[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((one) => ({ word: one.name(), description: one.description() }));
}

function contextOption({
  short,
  long,
  flags,
  description,
  argChoices,
  required,
  optional,
}: Option): ContextOption {
  const value = required || optional ? candidates(/[<[]([\w-]+)/.exec(flags)![1]!, argChoices) : undefined;
  return {
    flags: [short, long].filter((flag) => flag !== undefined && flag !== null),
    description,
    ...(value && { value }),
  };
}

function operand(argument: Argument, allCommands: readonly Word[]): Operand {
  const name = argument.name();
  return {
    name,
    candidates: name === 'command' ? allCommands : candidates(name, argument.argChoices),
    isVariadic: argument.variadic,
  };
}

function candidates(placeholder: string, choices: readonly string[] | undefined): Candidates {
  return choices?.map((word) => ({ word, description: '' })) ?? byPlaceholder[placeholder] ?? 'anything';
}
