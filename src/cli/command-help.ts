import type { Command } from 'commander';

/** What help and the manual page say of a command beside its arguments and options. */
export interface CommandHelp {
  /** What is said of the program that stands behind `--`. @default the command runs none */
  program?: string;
  /** Paragraphs, without line breaks. */
  notes?: readonly string[];
  /** What the command does on a signal, by the names of the signals. */
  signals?: Readonly<Record<string, string>>;
  /** @default `Examples` */
  examplesTitle?: string;
  /** Command lines. */
  examples: readonly string[];
}

const helps = new WeakMap<Command, CommandHelp>();

/** Adds text to the help of a command, and keeps it for the command's manual page. */
export function withHelp(command: Command, help: CommandHelp): Command {
  helps.set(command, help);
  return command.addHelpText('after', () => `\n${helpText(command, help)}`);
}

/** The text that was added to the help of a command; undefined if there is none. */
export function helpOf(command: Command): CommandHelp | undefined {
  return helps.get(command);
}

function helpText(command: Command, help: CommandHelp): string {
  const { program, notes = [], signals, examplesTitle = 'Examples', examples } = help;
  const helper = command.createHelp();
  const width = command.configureOutput().getOutHelpWidth?.() ?? 80;
  return [
    ...(program === undefined ? [] : [helper.boxWrap(`-- <command> [argument...]: ${program}.`, width)]),
    ...notes.map((note) => helper.boxWrap(note, width)),
    ...(signals ? [`Signals:\n${signalLines(signals, (text) => helper.boxWrap(text, width - 20))}`] : []),
    `${examplesTitle}:\n${examples.map((example) => `  ${example}`).join('\n')}`,
  ].join('\n\n');
}

function signalLines(signals: Readonly<Record<string, string>>, wrap: (text: string) => string): string {
  return Object.entries(signals)
    .map(
      ([names, meaning]) => `  ${names.padEnd(18)}${wrap(meaning).replaceAll('\n', `\n${' '.repeat(20)}`)}`,
    )
    .join('\n');
}
