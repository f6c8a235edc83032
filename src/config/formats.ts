import { isIPv4 } from 'node:net';
import { inspect } from 'node:util';
import ms from 'ms';

import { LARGEST_PAYLOAD_BYTES } from '../protocol/limits.ts';
import { hostReadings } from '../sources/host.ts';
import { outputFormats } from '../sources/output.ts';
import { derivedFormats } from './derived-formats.ts';
import { didYouMean } from './did-you-mean.ts';
import { isJson, isMapping, isText, kindOf, plainFault, shown } from './format.ts';
import type { Format } from './format.ts';
import { fileFormats } from './file-formats.ts';
import { httpFormats } from './http-formats.ts';
import { journalFormats } from './journal-formats.ts';
import { natsFormats } from './nats-formats.ts';

/** Shortest interval: below it, a tick would be late more often than not. */
const MIN_INTERVAL_MS = 10;
/** Longest duration: a timer takes no more. */
const MAX_DURATION_MS = 2 ** 31 - 1;
/** Smallest buffer: Node's own high-water mark, below which a socket does not say when it has drained. */
const MIN_PENDING_BYTES = 64 * 1024;

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export const logFormats = ['auto', 'journal', 'pretty', 'json'] as const;

export const firsts = ['sample', 'last', 'none'] as const;

/** What a topic's access may be said for. */
const rights = ['subscribe', 'publish', 'provide'];

const UNITS: Record<string, number> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** Numbers with units, from the largest to the smallest, as in 1m30s. */
const DURATION = new RegExp(
  `^(?=\\d)${['w', 'd', 'h', 'm', 's', 'ms'].map((unit) => `(?:\\d+(?:\\.\\d+)? ?${unit}(?![a-z]) ?)?`).join('')}(?<! )$`,
);

const SIZE = /^(\d+(?:\.\d+)?) ?(B|KiB|MiB|GiB)$/;
const LOOPBACK = /^(localhost|127(?:\.\d{1,3}){3}|\[::1\]):(\d{1,5})$/;
const VARIABLE = /^[A-Za-z_]\w*$/;

const textShape = { type: 'string', minLength: 1 };
const durationShape = { type: 'string', pattern: DURATION.source };
const sizeShape = { type: 'string', pattern: SIZE.source };
const accountsShape = { type: 'array', items: { oneOf: [textShape, { type: 'integer', minimum: 0 }] } };

const wholeFromText = (text: string): unknown => (/^\d+$/.test(text) ? Number(text) : text);

/** Formats by the names that the schema calls them. */
export const formats = {
  duration: {
    expected: 'a duration of at most 24d, such as 250ms, 10s or 5m',
    check: (value) => parseDuration(value) >= 1 && parseDuration(value) <= MAX_DURATION_MS,
    shape: durationShape,
  },
  interval: {
    expected: `a duration of at least ${MIN_INTERVAL_MS}ms, such as 250ms, 1s or 5m`,
    check: (value) => parseDuration(value) >= MIN_INTERVAL_MS,
    shape: durationShape,
  },
  size: {
    expected: 'a size such as 64KiB or 1MiB',
    check: (value) => parseSize(value) >= 1,
    shape: sizeShape,
  },
  'payload-size': {
    expected: `a size of at most ${LARGEST_PAYLOAD_BYTES / UNITS['MiB']!}MiB, such as 64KiB or 1MiB`,
    check: (value) => parseSize(value) >= 1 && parseSize(value) <= LARGEST_PAYLOAD_BYTES,
    shape: sizeShape,
  },
  'buffer-size': {
    expected: 'a size of at least 64KiB, such as 256KiB or 1MiB',
    check: (value) => parseSize(value) >= MIN_PENDING_BYTES,
    shape: sizeShape,
  },
  'history-size': {
    expected: 'a size of at most 1GiB, such as 256KiB or 32MiB',
    check: (value) => parseSize(value) >= 1 && parseSize(value) <= UNITS['GiB']!,
    shape: sizeShape,
  },
  mode: {
    expected: "an octal mode in quotes, such as '0660'",
    check: (value) => typeof value === 'string' && /^0?[0-7]{3}$/.test(value),
    shape: { type: 'string', pattern: '^0?[0-7]{3}$' },
  },
  count: {
    expected: 'a whole number, 1 or more',
    check: (value) => isWhole(value, 1),
    fromText: wholeFromText,
    shape: { type: 'integer', minimum: 1 },
  },
  length: {
    expected: 'a whole number, 0 or more',
    check: (value) => isWhole(value, 0),
    shape: { type: 'integer', minimum: 0 },
  },
  switch: {
    expected: 'true or false',
    check: (value) => typeof value === 'boolean',
    shape: { type: 'boolean' },
  },
  loopback: {
    expected: 'a loopback address and a port, such as 127.0.0.1:8080 or [::1]:8080',
    check: (value) => parseLoopback(value) !== undefined,
    shape: { type: 'string', pattern: LOOPBACK.source },
  },
  text: { expected: 'a text', check: isText, shape: textShape },
  command: {
    expected: 'a list of arguments such as [uname, -r], or a text for /bin/sh',
    check: (value) => isText(value) || (Array.isArray(value) && value.length > 0 && value.every(isText)),
    fault: commandFault,
    shape: { oneOf: [textShape, { type: 'array', minItems: 1, items: textShape }] },
  },
  true: { expected: 'true', check: (value) => value === true, shape: { const: true } },
  payload: { expected: 'any value that JSON can represent', check: isJson, fault: payloadFault, shape: {} },
  level: oneOf(...logLevels),
  'log-format': oneOf(...logFormats),
  access: {
    expected: "lists of users and @groups, such as {subscribe: [alice, '@ops'], publish: [deploy]}",
    check: (value) =>
      isMapping(value) &&
      Object.entries(value).every(([right, list]) => rights.includes(right) && isAccountList(list)),
    fault: accessFault,
    shape: {
      type: 'object',
      properties: Object.fromEntries(rights.map((right) => [right, accountsShape])),
      additionalProperties: false,
    },
  },
  env: {
    expected: 'variables and their values, such as {LC_ALL: C, RETRIES: 3}',
    check: isMapping, // Each variable is checked by variableFault, so that an error can name it.
    fault: (value) => `it is ${kindOf(value)}`,
    shape: {
      type: 'object',
      propertyNames: { pattern: VARIABLE.source },
      additionalProperties: { type: ['string', 'number'] },
    },
  },
  first: oneOf(...firsts),
  output: oneOf(...outputFormats),
  reading: oneOf(...hostReadings),
  ...derivedFormats(parseDuration),
  ...fileFormats,
  ...journalFormats,
  ...httpFormats,
  ...natsFormats,
} satisfies Record<string, Format>;

export type FormatName = keyof typeof formats;

/** The number of milliseconds of a duration that a person wrote; NaN if it is none. */
export function parseDuration(value: unknown): number {
  // A unit is required: nobody should have to guess what `timeout: 10` means.
  if (typeof value !== 'string' || !DURATION.test(value)) return Number.NaN;
  const parts = value.match(/[\d.]+ ?[a-z]+/g) ?? [];
  return Math.round(parts.reduce((sum, part) => sum + ms(part as ms.StringValue), 0));
}

/** The number of bytes of a size that a person wrote; NaN if it is none. */
export function parseSize(value: unknown): number {
  const [, number, unit] = (typeof value === 'string' && SIZE.exec(value)) || [];
  return unit === undefined ? Number.NaN : Math.round(Number(number) * UNITS[unit]!);
}

function oneOf(...words: string[]): Format {
  return {
    expected: `one of ${words.join(', ')}`,
    check: (value) => words.includes(value as string),
    fault: (value) => withHint(plainFault(value), typeof value === 'string' && didYouMean(value, words)),
    shape: { enum: words },
  };
}

function withHint(fault: string, hint: string | false | undefined): string {
  return hint ? `${fault}; ${hint}` : fault;
}

/** What is wrong with an environment variable, without its value; undefined if nothing is. */
export function variableFault(name: string, value: unknown): string | undefined {
  if (name.includes('=')) return 'expected NAME: value, but it is NAME=value';
  if (!VARIABLE.test(name))
    return "a variable's name must consist of letters, digits and _, and must not begin with a digit";
  if (value === '' || isText(value) || (typeof value === 'number' && Number.isFinite(value)))
    return undefined;
  return `expected a number or a text in quotes, but it is ${kindOf(value)}`;
}

/** The arguments of a command can hold passwords. */
function commandFault(value: unknown): string {
  if (!Array.isArray(value) || value.length === 0) return `it is ${kindOf(value)}`;
  const index = value.findIndex((argument) => !isText(argument));
  return `argument ${index + 1} is ${kindOf(value[index])}`;
}

function payloadFault(value: unknown): string {
  return typeof value === 'number' ? `it is ${inspect(value)}` : 'it contains .nan, .inf or -0';
}

function accessFault(value: unknown): string {
  if (!isMapping(value)) return `it is ${shown(value)}`;
  const stranger = Object.keys(value).find((right) => !rights.includes(right));
  if (stranger !== undefined) return `${stranger} is none of ${rights.join(', ')}`;
  const [right, list] = Object.entries(value).find(([, accounts]) => !isAccountList(accounts))!;
  return `${right} is ${shown(list)}`;
}

/** Which names there are, the system's directory knows. */
function isAccountList(value: unknown): boolean {
  return Array.isArray(value) && value.every((name) => isWhole(name, 0) || (isText(name) && name !== '@'));
}

function isWhole(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

/** Reads a loopback address and a port; undefined if it is none. */
export function parseLoopback(value: unknown): { host: string; port: number } | undefined {
  const [, host, port] = (typeof value === 'string' && LOOPBACK.exec(value)) || [];
  if (host === undefined || Number(port) > 65_535 || !isLoopback(host)) return undefined;
  return { host: host === '[::1]' ? '::1' : host, port: Number(port) };
}

function isLoopback(host: string): boolean {
  return !host.startsWith('127.') || isIPv4(host);
}
