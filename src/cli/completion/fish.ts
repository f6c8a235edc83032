import { BEHIND, pathsWithProgram } from './contexts.ts';
import type { Candidates, Context } from './contexts.ts';

/** The script for fish: a function that tells where on the command line the cursor is, and a line for each candidate. */
export function fishScript(contexts: readonly Context[]): string {
  const values = contexts.flatMap(({ path, options }) =>
    options.flatMap(({ flags, value }) => (value ? flags.map((flag) => quoted(`${path} ${flag}`)) : [])),
  );
  const commands = contexts.flatMap(({ path, commands: all }) =>
    all.map(({ word }) => quoted(`${path}/${word}`)),
  );
  return `
# The command that the words before the cursor name, how many operands it has, and its --socket: three lines.
function __chimed_place
    set -l path ''
    set -l operands 0
    set -l socket ''
    set -l option ''
    for word in (commandline -opc)[2..-1]
        if test -n "$option"
            string match -qr -- '^(-s|--socket)$' $option; and set socket $word
            set option ''
        else if test "$word" = --; and contains -- "$path" ${pathsWithProgram(contexts).map(quoted).join(' ')}
            set path "$path${BEHIND}"
            set operands 0
        else if string match -q -- '-*' $word
            contains -- "$path $word" ${values.join(' ')}
            and set option $word
            string match -q -- '--socket=*' $word
            and set socket (string replace -- '--socket=' '' $word)
        else if contains -- "$path/$word" ${commands.join(' ')}
            set path (string trim -- "$path $word")
        else
            set operands (math $operands + 1)
        end
    end
    printf '%s\\n' "$path" $operands "$socket"
end

# Usage: __chimed_at PATH [OPERANDS]
function __chimed_at
    set -l place (__chimed_place)
    test "$place[1]" = "$argv[1]"; and test -z "$argv[2]" -o "$place[2]" = "$argv[2]"
end

function __chimed_topics
    set -l place (__chimed_place)
    # An open quote is the shell's.
    command chimed complete-topics (commandline -ct | string replace -r '^["\\']' '') "$place[3]" 2>/dev/null </dev/null | string match -r '^[A-Za-z0-9_.-]+$'
end

complete -c chimed -f
${contexts.flatMap(lines).join('\n')}
`.trimStart();
}

function lines({ path, commands, options, operands }: Context): string[] {
  const line = (operand: string, rest: string): string =>
    `complete -c chimed -n ${quoted(`__chimed_at ${quoted(path)} ${operand}`.trim())} ${rest}`;
  return [
    ...commands.map(({ word, description }) => line('0', `-a ${word} -d ${quoted(description)}`)),
    ...options.map(({ flags, description, value }) =>
      line(
        '',
        `${flags.map(flagged).join(' ')}${value ? ` ${filled(value, true)}` : ''} -d ${quoted(description)}`,
      ),
    ),
    ...operands
      .filter(({ candidates }) => candidates !== 'anything')
      .map(({ candidates, isVariadic }, index) =>
        line(isVariadic ? '' : String(index), filled(candidates, false)),
      ),
  ];
}

function flagged(flag: string): string {
  return flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`;
}

function filled(candidates: Candidates, isValue: boolean): string {
  const exclusive = isValue ? '-x ' : '';
  switch (candidates) {
    case 'topic':
      return `${exclusive}-a '(__chimed_topics)'`;
    case 'program':
      return "-a '(__fish_complete_command)'";
    case 'file':
      return isValue ? '-r -F' : '-F';
    case 'anything':
      return '-x';
    default:
      return `${exclusive}-a ${quoted(candidates.map(({ word }) => word).join(' '))}`;
  }
}

/** In fish, a backslash is one in single quotes too. */
function quoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`;
}
