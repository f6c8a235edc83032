import { createContext, Script } from 'node:vm';
import { Environment } from '@marcbachmann/cel-js';

import type { Message } from '../client/api.ts';
import { ChimedError, messageOf } from '../errors.ts';

/** Longest evaluation of an expression whose cost grows faster than the payload, in milliseconds. A machine under load takes a part of it. */
const TIMEOUT_MS = 1000;
/**
 * What makes it grow: loops, which can be nested, and regular expressions, which backtrack. A text that only looks like one
 * is bounded without need.
 */
const COSTLY = /\b(?:matches|all|exists|exists_one|map|filter)\b/;

/** Numbers of a payload are doubles, and CEL has no arithmetic of a double and an integer such as `load[0] * 2`. */
const arithmetic: Readonly<Record<string, (left: number, right: number) => number>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => left / right,
  '%': (left, right) => left % right,
};

/**
 * Compiles a CEL expression about messages.
 * @returns evaluates it; throws if the expression cannot be evaluated for this message, or is neither true nor false.
 * @throws {ChimedError} `bad-request` with the place of the mistake.
 */
export function compileWhere(text: string): (message: Message) => boolean {
  const environment = createEnvironment();
  const { valid, type, error } = environment.check(text);
  if (!valid) throw mistake(messageOf(error));
  if (type !== 'bool' && type !== 'dyn')
    throw mistake(
      `the result of ${text} is of type ${type}, but it must be true or false; compare it, as in ${text} > 4`,
    );
  const expression = environment.parse(text);
  const evaluate = COSTLY.test(text) ? bounded(expression) : expression;
  return (message) => {
    let result: unknown;
    try {
      result = evaluate(variablesOf(message));
    } catch (failure) {
      throw new Error(summaryOf(failure), { cause: failure });
    }
    if (typeof result === 'boolean') return result;
    throw new Error(`the result is neither true nor false, but of type ${typeof result}`);
  };
}

function createEnvironment(): Environment {
  const environment = new Environment({
    unlistedVariablesAreDyn: true, // Which fields a payload has is known when it arrives.
    homogeneousAggregateLiterals: false, // Payloads mix types, and so may what they are compared with.
  });
  environment.registerVariable('topic', 'string');
  for (const [operator, calculate] of Object.entries(arithmetic)) {
    const handler = (left: number | bigint, right: number | bigint): number =>
      calculate(Number(left), Number(right));
    environment.registerOperator(`double ${operator} int`, handler);
    environment.registerOperator(`int ${operator} double`, handler);
    if (operator === '%') environment.registerOperator('double % double', handler);
  }
  return environment;
}

/**
 * The variables of an expression. Names of the message come before fields of the payload, and these before the last word of
 * the topic's name.
 */
function variablesOf({ topic, seq, time, missed, data }: Message): Map<string, unknown> {
  const isMapping = typeof data === 'object' && data !== null && !Array.isArray(data);
  return new Map<string, unknown>([
    [topic.slice(topic.lastIndexOf('.') + 1), data],
    ...(isMapping ? Object.entries(data) : []),
    ...Object.entries({ data, topic, seq, time, missed }),
  ]);
}

type Evaluate = (variables: Map<string, unknown>) => unknown;

/** Ends an evaluation that takes too long. This starts a thread each time, which costs about 0.2 ms of CPU. */
function bounded(expression: Evaluate): Evaluate {
  const sandbox = createContext({});
  const script = new Script('run()'); // V8's watchdog also ends what a script calls, and a regular expression.
  return (variables) => {
    sandbox['run'] = () => expression(variables);
    return script.runInContext(sandbox, { timeout: TIMEOUT_MS }) as unknown;
  };
}

/** What is wrong, in one line: the library's message also shows the place. */
function summaryOf(failure: unknown): string {
  // It is an error of the sandbox, and no instance of our Error.
  if ((failure as { code?: unknown }).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT')
    return `the evaluation takes longer than ${TIMEOUT_MS / 1000} s; use fewer loops, or a simpler regular expression`;
  const summary = messageOf(failure).split('\n')[0]!;
  return summary + hintFor(summary);
}

/** What to write instead, for what people write first. */
function hintFor(summary: string): string {
  if (!summary.startsWith('no such overload')) return '';
  if (summary.includes('<list')) return '; for an element of a list, write load[0]';
  return summary.includes('<map') ? '; for a field, write data.busy' : '';
}

function mistake(what: string): ChimedError {
  const hint = /\b(?:and|or|not)\b/.test(what) ? '\nCEL writes && for and, || for or, ! for not.' : '';
  return new ChimedError('bad-request', `mistake in --where: ${what}${hint}`);
}
