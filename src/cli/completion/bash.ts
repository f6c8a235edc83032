import { BEHIND, pathsWithProgram } from './contexts.ts';
import type { Candidates, Context } from './contexts.ts';

/**
 * The script for bash. Words of the command line and names of topics are only ever compared, never expanded: so there
 * is no `compgen -W`, which would run what is in them.
 */
export function bashScript(contexts: readonly Context[]): string {
  return `
_chimed() {
  local cur=\${COMP_WORDS[COMP_CWORD]} path= option= operands=0 socket= ended= i word
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ $option ]]; then
      # readline makes three words of --sort=late.
      [[ $word == = ]] && continue
      case $option in -s | --socket) socket=$word ;; esac
      option=
    elif [[ $word == -- ]]; then
      ended=1
      case "$path" in
${cases(programs(contexts), () => `path+=${BEHIND} operands=0`)}
      esac
    elif [[ $word == -* && ! $ended ]]; then
      case "$path $word" in
${cases(valueOptions(contexts), () => 'option=$word')}
      esac
    else
      case "$path/$word" in
${cases(subcommands(contexts), () => `path="\${path:+$path }$word"`)}
        *) ((operands++)) ;;
      esac
    fi
  done
  [[ $option && $cur == = ]] && cur=
  # An open quote is readline's.
  cur=\${cur#[\\"\\']}

  if [[ $option ]]; then
    case "$path $option" in
${cases(optionValues(contexts), fill)}
    esac
  elif [[ $cur == -* && ! $ended ]]; then
    case "$path" in
${contexts.map(({ path, options }) => `      '${path}') _chimed_words ${options.flatMap(({ flags }) => flags).join(' ')} ;;`).join('\n')}
    esac
  else
    case "$path $operands" in
${cases(operandValues(contexts), fill)}
    esac
  fi
}

_chimed_words() {
  local word
  for word in "$@"; do
    [[ $word == "$cur"* ]] && COMPREPLY+=("$word")
  done
}

_chimed_programs() {
  mapfile -t COMPREPLY < <(compgen -c -- "$cur")
  compopt -o default
}

_chimed_topics() {
  local topic
  while IFS= read -r topic; do
    # Nothing that the shell has a meaning for gets to the command line, whatever the daemon says.
    [[ $topic == "$cur"* && $topic != *[!A-Za-z0-9_.-]* ]] && COMPREPLY+=("$topic")
  done < <(command chimed complete-topics "$cur" "$socket" 2>/dev/null </dev/null)
}

complete -F _chimed chimed
`.trimStart();
}

/** Branches of a case statement, one for each action, with all patterns that lead to it. */
function cases<Value>(
  entries: readonly [pattern: string, Value][],
  action: (value: Value) => string,
): string {
  const patterns = new Map<string, string[]>();
  for (const [pattern, value] of entries) {
    const done = action(value);
    patterns.set(done, [...(patterns.get(done) ?? []), pattern]);
  }
  return [...patterns].map(([done, all]) => `        ${all.join(' | ')}) ${done} ;;`).join('\n');
}

function valueOptions(contexts: readonly Context[]): [string, null][] {
  return optionValues(contexts).map(([pattern]) => [pattern, null]);
}

function optionValues(contexts: readonly Context[]): [string, Candidates][] {
  return contexts.flatMap(({ path, options }) =>
    options.flatMap(({ flags, value }) =>
      value ? flags.map((flag): [string, Candidates] => [`'${path} ${flag}'`, value]) : [],
    ),
  );
}

function subcommands(contexts: readonly Context[]): [string, null][] {
  return contexts.flatMap(({ path, commands }) =>
    commands.map(({ word }): [string, null] => [`'${path}/${word}'`, null]),
  );
}

function programs(contexts: readonly Context[]): [string, null][] {
  return pathsWithProgram(contexts).map((path) => [`'${path}'`, null]);
}

function operandValues(contexts: readonly Context[]): [string, Candidates][] {
  return contexts.flatMap(({ path, commands, operands }) => [
    ...(commands.length > 0 ? [[`'${path} 0'`, commands] satisfies [string, Candidates]] : []),
    ...operands.map(({ candidates, isVariadic }, index): [string, Candidates] => [
      isVariadic ? `'${path} '*` : `'${path} ${index}'`,
      candidates,
    ]),
  ]);
}

function fill(candidates: Candidates): string {
  switch (candidates) {
    case 'topic':
      return '_chimed_topics';
    case 'program':
      return '_chimed_programs';
    case 'file':
      return 'compopt -o default';
    case 'anything':
      return ':';
    default:
      return `_chimed_words ${candidates.map(({ word }) => word).join(' ')}`;
  }
}
