import { STATUS_CODES } from 'node:http';

import { messageOf } from '../../errors.ts';
import { exchangeHttp } from './http-exchange.ts';
import type { HttpAnswer, HttpRequest } from './http-request.ts';
import { jsonOrText, parseOutput } from '../output.ts';
import type { Source, SourceContext } from '../source.ts';

const JSON_TYPE = /^(application\/json|[^;\s]+\+json)\s*(;|$)/i;
const CHARSET = /;\s*charset=["']?([^"';\s]+)/i;

/** Asks an HTTP endpoint at each sample. The sample fails if the answer is not as expected. */
export function httpSource(request: HttpRequest, context: SourceContext): Source {
  const exchange = exchangeHttp(request, context, (status) => statusFault(request, status));
  return {
    async sample(signal) {
      const answer = await exchange(signal);
      const text = answer.body && textOf(answer.body, answer.headers);
      const { body: expected } = request.expect;
      if (expected !== undefined && !text?.includes(expected))
        throw new Error(`the body of the answer does not contain ${JSON.stringify(expected)} (expect.body)`);
      return payloadOf(answer, request.body ? text : undefined);
    },
  };
}

function payloadOf({ status, ms, headers }: HttpAnswer, text: string | undefined): object {
  const { location, 'content-type': type } = headers;
  const isJson = JSON_TYPE.test(String(type ?? ''));
  return {
    status,
    ms,
    ...(location !== undefined && { location }),
    ...(text !== undefined && { body: isJson ? jsonOrText(text) : parseOutput(text, 'text') }),
  };
}

/** What is wrong with a status; undefined if nothing is. */
function statusFault({ expect }: HttpRequest, status: number): string | undefined {
  const isExpected = (one: number | string): boolean =>
    typeof one === 'number' ? one === status : one.startsWith(String(Math.trunc(status / 100)));
  if (!expect.status || expect.status.some(isExpected)) return undefined;
  // The server's own phrase is not repeated: it can be anything.
  return `expected ${expect.status.join(' or ')}, it answered ${`${status} ${STATUS_CODES[status] ?? ''}`.trim()}`;
}

/** @throws if the body is no text. */
function textOf(
  body: Buffer,
  { 'content-type': type, 'content-encoding': coding = 'identity' }: HttpAnswer['headers'],
): string {
  if (coding !== 'identity')
    throw new Error(`the body of the answer is compressed, though chimed did not ask for that; ${leaveOut}`);
  const charset = CHARSET.exec(String(type ?? ''))?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(charset, { fatal: true }).decode(body);
  } catch (error) {
    throw new Error(`the body of the answer is not text (${messageOf(error)}); ${leaveOut}`, {
      cause: error,
    });
  }
}

const leaveOut = 'set body: false to leave it out';
