import type { Argument, Command, Option } from 'commander';

/** What stands in a place of the command line: one of some words, the name of a file or a topic, or anything. */
export type Candidates = readonly Word[] | 'file' | 'topic' | 'anything';

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
  /** The words after `chimed`: none, `listen`, `service install`. */
  path: string;
  commands: readonly Word[];
  options: readonly ContextOption[];
  operands: readonly Operand[];
}

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
  return [context, ...inner.flatMap((one) => inside(one, `${path} ${one.name()}`.trim(), allCommands))];
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
