import type { HttpRequest } from '../sources/http/http-request.ts';
import { Misfit } from './convicted.ts';
import { isMapping } from './format.ts';
import type { Format } from './format.ts';
import { formats } from './formats.ts';
import type { RawHttp } from './http-formats.ts';
import type { Complain } from './mistakes.ts';
import { asList } from './nats-formats.ts';

const defaults = { method: 'GET', body: true } as const;

/** Resolves a request that has the format `http`. */
export function readHttp(raw: RawHttp): HttpRequest {
  const { url, socket, method, headers = {}, expect = {}, body, ca } = { ...defaults, ...raw };
  const { status, body: text } = isMapping(expect)
    ? (expect as Partial<Record<'status' | 'body', string>>)
    : { status: expect };
  return {
    url,
    ...(socket !== undefined && { socket }),
    method,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
    expect: {
      ...(status !== undefined && { status: asList(status as never) }),
      ...(text !== undefined && { body: text }),
    },
    body,
    ...(ca !== undefined && { ca }),
  };
}

/** A request in the words of the file, with its defaults. */
export function writtenHttp(raw: Record<string, unknown>): Record<string, unknown> {
  const { url, ...rest } = raw;
  return { url, ...defaults, ...rest };
}

/** The timeout that a request sets for its topic; undefined if it sets none. */
export function httpTimeout(topic: { http?: unknown; timeout?: unknown }, complain: Complain): unknown {
  const timeout = isMapping(topic.http) ? topic.http['timeout'] : undefined;
  if (timeout === undefined) return undefined;
  const format: Format = formats.duration;
  if (topic.timeout !== undefined)
    complain('two timeouts, http.timeout and timeout; a topic has one', 'http', 'timeout');
  else if (!format.check(timeout)) complain(new Misfit(format, timeout).sentence, 'http', 'timeout');
  return timeout;
}
