import { shellQuoted } from '../shell-quoted.ts';
import { BEHIND, pathsWithProgram } from './contexts.ts';
import type { Candidates, Context, ContextOption, Operand, Word } from './contexts.ts';

/** The script for zsh: one function for each command, each one call of `_arguments`. */
export function zshScript(contexts: readonly Context[]): string {
  const programs = pathsWithProgram(contexts);
  const ours = contexts.filter(({ path }) => !path.endsWith(BEHIND));
  return `${ours.map((context) => contextFunction(context, programs.includes(context.path))).join('\n')}
_chimed_topics() {
  local -a topics=()
  local topic socket=\${opt_args[--socket]:-\${opt_args[-s]:-}}
  for topic in "\${(@f)$(command chimed complete-topics "$PREFIX" "\${(Q)socket}" 2>/dev/null </dev/null)}"; do
    # compadd quotes; this is for whoever turned that off.
    [[ -n $topic && $topic != *[^A-Za-z0-9_.-]* ]] && topics+=("$topic")
  done
  _wanted topics expl topic compadd -a topics
}

# The file is the function when compinit loads it, and is read once when it is sourced.
if [[ \${funcstack[1]-} == _chimed ]]; then
  _chimed "$@"
else
  compdef _chimed chimed
fi
`;
}

/** What stands behind `--` is completed as a command line of its own. */
const BEHIND_DASHES = `  local -i dashes=\${words[(i)--]}
  if (( dashes < CURRENT )); then
    shift $dashes words
    (( CURRENT -= dashes ))
    _normal
    return
  fi
`;

function contextFunction({ path, commands, options, operands }: Context, runsProgram: boolean): string {
  const specs = [
    ...options.map(optionSpec),
    ...(commands.length > 0 ? commandSpecs(commands) : operandSpecs(operands)),
  ];
  return `${functionName(path)}() {
${runsProgram ? BEHIND_DASHES : ''}  ${commands.length > 0 ? 'local curcontext=$curcontext state state_descr line\n  ' : ''}typeset -A opt_args
  _arguments -s -S : \\
    ${specs.join(' \\\n    ')}${commands.length > 0 ? `\n${dispatch(path, commands)}` : ''}
}
`;
}

function dispatch(path: string, commands: readonly Word[]): string {
  const branches = commands.map(({ word }) => `      ${word}) ${functionName(`${path} ${word}`.trim())} ;;`);
  return `  case $state in
    arguments) case $words[1] in
${branches.join('\n')}
    esac ;;
  esac`;
}

function functionName(path: string): string {
  return ['_chimed', ...path.split(' ').filter(Boolean)].join('_');
}

function commandSpecs(commands: readonly Word[]): string[] {
  return [shellQuoted(`1:command:${action(commands)}`), shellQuoted('*::argument:->arguments')];
}

function operandSpecs(operands: readonly Operand[]): string[] {
  return operands.map(({ name, candidates, isVariadic }, index) =>
    shellQuoted(`${isVariadic ? '*' : index + 1}:${escaped(name)}:${action(candidates)}`),
  );
}

function optionSpec({ flags, description, value }: ContextOption): string {
  const exclusive = `(${flags.join(' ')})`;
  // --sort late and --sort=late; -n 3 and -n3.
  const names = flags.map((flag) => (value ? `${flag}${flag.startsWith('--') ? '=' : '+'}` : flag));
  const rest = shellQuoted(`[${escaped(description)}]${value ? `:value:${action(value)}` : ''}`);
  return names.length === 1 ? `${names[0]}${rest}` : `${shellQuoted(exclusive)}{${names.join(',')}}${rest}`;
}

function action(candidates: Candidates): string {
  switch (candidates) {
    case 'topic':
      return '_chimed_topics';
    case 'program':
      return '_normal';
    case 'file':
      return '_files';
    case 'anything':
      return ' ';
    default:
      // _arguments evaluates such a list; a list without descriptions it only splits.
      if (candidates.every(({ description }) => description === ''))
        return `(${candidates.map(({ word }) => word).join(' ')})`;
      return `((${candidates.map(({ word, description }) => `${word}\\:${shellQuoted(escaped(description))}`).join(' ')}))`;
  }
}

/** As text in a spec of `_arguments`. */
function escaped(text: string): string {
  return text.replaceAll(/[\\:[\]]/g, String.raw`\$&`);
}
