import { unknownKey } from './did-you-mean.ts';
import { isMapping, isText, kindOf } from './format.ts';
import type { Format } from './format.ts';

/** A request as the file says it. */
export interface RawHttp {
  url: string;
  socket?: string;
  method?: (typeof methods)[number];
  headers?: Record<string, string | number>;
  expect?: Status | Status[] | { status?: Status | Status[]; body?: string };
  body?: boolean;
  ca?: string;
  timeout?: unknown;
}

type Status = number | string;

const methods = ['GET', 'HEAD'] as const;

const STATUS_CLASS = /^[1-5]xx$/;
const HEADER = /^[\w!#$%&'*+.^`|~-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** Headers that say how the request is sent. */
const framing = new Set([
  'connection',
  'content-length',
  'expect',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** What is wrong with the value of each key, without repeating it: URLs and headers can have secrets. */
const faults: Record<keyof RawHttp, (value: unknown) => string | undefined> = {
  url: urlFault,
  socket: (value) => (isText(value) ? undefined : `is ${kindOf(value)}; expected the path of a Unix socket`),
  method: (value) => (methods.includes(value as 'GET') ? undefined : `is none of ${methods.join(', ')}`),
  headers: headersFault,
  expect: expectFault,
  body: (value) => (typeof value === 'boolean' ? undefined : `is ${kindOf(value)}; expected true or false`),
  ca: (value) => (isText(value) ? undefined : `is ${kindOf(value)}; expected the path of a PEM file`),
  timeout: () => undefined, // It is read as the timeout of the topic.
};

/** The keys of `http`. */
export const httpKeys = Object.keys(faults) as (keyof RawHttp)[];

const textShape = { type: 'string', minLength: 1 };
const statusShape = {
  oneOf: [
    { type: 'integer', minimum: 100, maximum: 599 },
    { type: 'string', pattern: STATUS_CLASS.source },
  ],
};
const statusesShape = { oneOf: [...statusShape.oneOf, { type: 'array', minItems: 1, items: statusShape }] };

/** What `http` asks for, and expects. */
export const httpFormats = {
  http: {
    expected: 'a request, such as {url: http://localhost:8080/health, expect: 200}',
    check: isHttp,
    mistake: (value) => httpFault(value)!,
    shape: {
      type: 'object',
      properties: {
        url: { type: 'string', pattern: '^https?://' },
        socket: textShape,
        method: { enum: methods },
        headers: { type: 'object', additionalProperties: { type: ['string', 'number'] } },
        expect: {
          oneOf: [
            ...statusesShape.oneOf,
            {
              type: 'object',
              properties: { status: statusesShape, body: textShape },
              minProperties: 1,
              additionalProperties: false,
            },
          ],
        },
        body: { type: 'boolean' },
        ca: textShape,
        timeout: textShape,
      },
      required: ['url'],
      additionalProperties: false,
    },
  },
} satisfies Record<string, Format>;

/** Reports whether a value has the format `http`. */
export function isHttp(value: unknown): value is RawHttp {
  return httpFault(value) === undefined;
}

function httpFault(value: unknown): string | undefined {
  const { expected } = httpFormats.http;
  if (!isMapping(value)) return `expected ${expected}, but it is ${kindOf(value)}`;
  const stranger = Object.keys(value).find((key) => !Object.hasOwn(faults, key));
  if (stranger !== undefined) return `${stranger} is an ${unknownKey(stranger, httpKeys)}`;
  if (!('url' in value)) return `no url; expected ${expected}`;
  for (const key of httpKeys) {
    const fault = key in value ? faults[key](value[key]) : undefined;
    if (fault !== undefined) return `${key} ${fault}`;
  }
  const { method, expect } = value;
  if (method === 'HEAD' && isMapping(expect) && 'body' in expect)
    return 'expect has a body, and an answer to HEAD has none; use method: GET';
  return undefined;
}

function urlFault(value: unknown): string | undefined {
  if (!isText(value)) return `is ${kindOf(value)}; expected http://… or https://…`;
  if (!URL.canParse(value)) return 'is not a URL; expected http://… or https://…';
  const { protocol, username, password } = new URL(value);
  if (protocol !== 'http:' && protocol !== 'https:')
    return `begins with ${protocol}; expected http: or https:`;
  if (username !== '' || password !== '')
    return 'contains a user or a password; they belong in headers, such as {Authorization: Basic …}';
  return undefined;
}

function headersFault(value: unknown): string | undefined {
  if (!isMapping(value)) return `is ${kindOf(value)}; expected names and values`;
  for (const [name, text] of Object.entries(value)) {
    if (!HEADER.test(name)) return nameFault(name);
    if (framing.has(name.toLowerCase())) return `has ${name}, which chimed sets itself`;
    if (typeof text !== 'string' && typeof text !== 'number')
      return `has ${name}, which is ${kindOf(text)}; expected a text`;
    if (!HEADER_VALUE.test(String(text))) return `has ${name} with a character that a header cannot carry`;
  }
  return undefined;
}

/** A value that was written into the name is not shown. */
function nameFault(name: string): string {
  const [start] = /^[\w!#$%&'*+.^`|~-]*/.exec(name)!;
  if (name === '') return 'has an empty name';
  return start === ''
    ? 'has a name that begins with an invalid character'
    : `has a name with an invalid character after ${JSON.stringify(start)}`;
}

function expectFault(value: unknown): string | undefined {
  const expected =
    'expected a status such as 200, a class such as 2xx, a list of these, or {status: 200, body: ready}';
  if (!isMapping(value)) return isStatuses(value) ? undefined : `is ${statusFault(value)}; ${expected}`;
  const stranger = Object.keys(value).find((key) => key !== 'status' && key !== 'body');
  if (stranger !== undefined) return `has ${stranger}, which is neither status nor body`;
  if (Object.keys(value).length === 0) return `is empty; ${expected}`;
  if ('status' in value && !isStatuses(value['status']))
    return `has a status that is ${statusFault(value['status'])}; ${expected}`;
  if ('body' in value && !isText(value['body']))
    return `has a body that is ${kindOf(value['body'])}; expected a text that must occur`;
  return undefined;
}

/** Without the value: it can be a secret that belongs elsewhere. */
function statusFault(value: unknown): string {
  const values = Array.isArray(value) ? value : [value];
  const text = values.find((one) => typeof one === 'string' && isStatus(Number(one)));
  return text === undefined ? 'not a status' : `a text; write ${text} without quotes`;
}

function isStatuses(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 && value.every(isStatus) : isStatus(value);
}

function isStatus(value: unknown): boolean {
  if (typeof value === 'string') return STATUS_CLASS.test(value);
  return Number.isInteger(value) && (value as number) >= 100 && (value as number) < 600;
}
