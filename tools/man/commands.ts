import type { Argument, Command, Option } from 'commander';

import { helpOf } from '../../src/cli/command-help.ts';
import { exitCodes, exitMeanings } from '../../src/cli/exit-codes.ts';
import { argument, escaped, list, paragraphs, running, section, subsection, verbatim } from './mdoc.ts';
import type { Page } from './mdoc.ts';
import { filesOf, variablesOf } from './places.ts';

const CONFIGURATION = { name: 'chimed.yaml', section: 5 };
const WIRE = { name: 'chimed-wire', section: 7 };

/** chimed(1), and a page for each command. */
export function commandPages(program: Command): Page[] {
  const commands = commandsOf(program);
  const others = commands.map((command) => ({ name: pageName(command), section: 1 }));
  return [
    {
      name: 'chimed',
      section: 1,
      about: phrase(program.description()),
      body: [
        ...section('Synopsis', ['.Nm', ...synopsisOptions(program), '.Ar command', '.Op Ar argument ...']),
        ...section('Description', [
          ...paragraphs([running(escaped(program.description())), ['The commands are as follows:']]),
          ...list(
            commands.map((command) => [
              `Xr ${pageName(command)} 1`,
              running(escaped(sentence(command.description()))),
            ]),
          ),
          '.Pp',
          'The options are as follows:',
          ...optionList(program),
        ]),
        ...facts(
          commands.filter((command) => command.name() !== 'service'),
          [program],
        ),
      ],
      seeAlso: [...others, CONFIGURATION, WIRE],
    },
    ...commands.map((command) => commandPage(command)),
  ];
}

function commandPage(command: Command): Page {
  const inner = commandsOf(command);
  const described = [command, ...inner];
  return {
    name: pageName(command),
    section: 1,
    about: phrase(command.description()),
    body: [
      ...section('Synopsis', (inner.length > 0 ? inner : [command]).flatMap(synopsis)),
      ...section('Description', [
        ...description(command),
        ...inner.flatMap((one) => subsection(fullName(one), description(one))),
      ]),
      ...section('Signals', signals(command)),
      ...facts(described),
    ],
    seeAlso: [{ name: 'chimed', section: 1 }, CONFIGURATION],
  };
}

function pageName(command: Command): string {
  return `chimed-${command.name()}`;
}

/** As it is typed: `chimed service install`. */
function fullName(command: Command): string {
  return command.parent ? `${fullName(command.parent)} ${command.name()}` : command.name();
}

function commandsOf(command: Command): Command[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .filter((one) => one.name() !== 'help');
}

function options(command: Command): Option[] {
  return command.createHelp().visibleOptions(command);
}

function synopsis(command: Command): string[] {
  return [
    `.Nm ${fullName(command)}`,
    ...synopsisOptions(command),
    ...command.registeredArguments.map(operand),
    ...(helpOf(command)?.program === undefined ? [] : [String.raw`.Fl \- Ar command Op Ar argument ...`]),
  ];
}

/** Every command has --help. */
function synopsisOptions(command: Command): string[] {
  return options(command)
    .filter(({ long }) => long !== '--help')
    .map((option) => `.Op ${flagged(option.short ?? option.long!)}${valueOf(option)}`);
}

function flagged(flag: string): string {
  return `Fl ${argument(flag.slice(1))}`;
}

/** The placeholder of an option's value, with a blank before it. */
function valueOf({ flags }: Option): string {
  const placeholder = /[<[]([\w-]+)/.exec(flags)?.[1];
  return placeholder === undefined ? '' : ` Ar ${argument(placeholder)}`;
}

function operand(one: Argument): string {
  const macro = `Ar ${argument(one.name())}${one.variadic ? ' ...' : ''}`;
  return one.required ? `.${macro}` : `.Op ${macro}`;
}

function description(command: Command): string[] {
  const lines = paragraphs([
    running(escaped(sentence(command.description()))),
    ...(helpOf(command)?.notes ?? []).map((note) => running(escaped(note))),
    ['The arguments and options are as follows:'],
  ]);
  const operands = command.registeredArguments.map((one): [string, string[]] => [
    `Ar ${argument(one.name())}`,
    running(escaped(sentence(withChoices(one.description, one.argChoices)))),
  ]);
  const program = helpOf(command)?.program;
  const behindDashes: [string, string[]][] =
    program === undefined ? [] : [[String.raw`Fl \- Ar command`, running(escaped(sentence(program)))]];
  return [...lines, ...list([...operands, ...behindDashes]), ...optionList(command)];
}

function optionList(command: Command): string[] {
  return list(
    options(command).map((option) => {
      const flags = [option.short, option.long].filter((flag) => flag !== undefined && flag !== null);
      return [
        `${flags.map(flagged).join(' , ')}${valueOf(option)}`,
        running(escaped(sentence(withChoices(option.description, option.argChoices)))),
      ];
    }),
  );
}

function withChoices(text: string, choices: readonly string[] | undefined): string {
  return choices ? `${text}: one of ${choices.join(', ')}` : text;
}

function signals(command: Command): string[] {
  const meanings = Object.entries(helpOf(command)?.signals ?? {});
  return list(
    meanings.map(([names, meaning]) => [
      names
        .split(', ')
        .map((name) => `Dv ${name}`)
        .join(' , '),
      running(escaped(sentence(meaning))),
    ]),
  );
}

/**
 * The sections behind the description, in their usual order.
 * @param commands Those whose variables and files are listed.
 * @param shown Those whose examples are.
 */
function facts(commands: readonly Command[], shown = commands): string[] {
  return [
    ...section(
      'Environment',
      list(variablesOf(commands).map(([name, meaning]) => [`Ev ${argument(name)}`, meaning])),
    ),
    ...section('Files', list(filesOf(commands).map(([path, meaning]) => [`Pa ${argument(path)}`, meaning]))),
    ...section(
      'Exit status',
      list(
        Object.entries(exitCodes).map(([name, code]) => [
          String(code),
          running(escaped(sentence(exitMeanings[name as keyof typeof exitCodes]))),
        ]),
      ),
    ),
    ...section('Examples', paragraphs(shown.map(examplesOf))),
  ];
}

function examplesOf(command: Command): string[] {
  const examples = helpOf(command)?.examples ?? [];
  return examples.length > 0 ? verbatim(examples.join('\n')) : [];
}

/** A description as a sentence. */
function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.…]$/.test(text) ? '' : '.'}`;
}

/** A description as a part of one. */
function phrase(text: string): string {
  return escaped(text.replace(/\.$/, ''));
}
