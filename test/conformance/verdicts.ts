import { readFileSync } from 'node:fs';

/** What options choose of all cases. */
export interface Choice {
  /** Part of the name or the subject. */
  case?: string;
  rule?: number;
}

/** The cases that are chosen. @param bySubject All cases. */
export function chosenCases<Case extends { name: string; rules: readonly number[] }>(
  bySubject: Readonly<Record<string, readonly Case[]>>,
  { case: part = '', rule }: Choice,
): Case[] {
  const text = part.toLowerCase();
  return Object.entries(bySubject).flatMap(([subject, cases]) =>
    cases.filter(
      ({ name, rules }) =>
        (subject.includes(text) || name.toLowerCase().includes(text)) &&
        (rule === undefined || rules.includes(rule)),
    ),
  );
}

/** The rules of a case, as its line shows them. */
export function rulesOf(rules: readonly number[]): string {
  return `${rules.length === 1 ? 'rule' : 'rules'} ${rules.join(', ')}`;
}

/** Names of the cases that are expected to fail: one per line of the file, but for blank lines and those that begin with #. */
export function knownFailures(file: string): Set<string> {
  const lines = readFileSync(file, 'utf8').split('\n');
  return new Set(lines.filter((line) => line !== '' && !line.startsWith('#')));
}

/** How a case ended. */
export interface Verdict {
  /** The name of the case, and what demands it. */
  name: string;
  demand: string;
  outcome: 'passed' | 'failed' | 'not supported' | 'skipped';
  /** Why it failed or was skipped, and what was said. */
  details?: string | undefined;
}

/** Prints how each case ended, and counts what is not as expected. */
export class Verdicts {
  readonly #file: string | undefined;
  readonly #known: ReadonlySet<string>;
  readonly #counts = new Map<Verdict['outcome'], number>();
  /** True unless a case ended in another way than expected. */
  areRight = true;

  /** @param file Lists known failures. */
  constructor(file: string | undefined) {
    this.#file = file;
    this.#known = file === undefined ? new Set() : knownFailures(file);
  }

  show({ name, demand, outcome, details = '' }: Verdict): void {
    const isKnown = this.#known.has(name);
    const isRight = isKnown === (outcome === 'failed');
    const remark = isKnown ? (isRight ? ', as known' : `, though ${this.#file} says that it fails`) : '';
    console.log(`${isRight ? '  ' : '! '}${(outcome + remark).padEnd(14)} ${name} (${demand})`);
    if ((outcome === 'skipped' || !isRight) && details !== '')
      console.log(details.trimEnd().replaceAll(/^/gm, '    '));
    this.#counts.set(outcome, this.#count(outcome) + 1);
    this.areRight &&= isRight;
  }

  /** Such as `90 passed, 1 failed, 1 skipped`. */
  toString(): string {
    const others = (['not supported', 'skipped'] as const).filter((outcome) => this.#count(outcome) > 0);
    const counted = ['passed', 'failed', ...others] as const;
    return counted.map((outcome) => `${this.#count(outcome)} ${outcome}`).join(', ');
  }

  #count(outcome: Verdict['outcome']): number {
    return this.#counts.get(outcome) ?? 0;
  }
}
