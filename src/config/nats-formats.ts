import { MACHINE, isOfFleet } from '../protocol/fleet-names.ts';
import { isPattern } from '../protocol/names.ts';
import { isMapping, isText, kindOf, shown } from './format.ts';
import type { Format } from './format.ts';

/** One machine of the fleet to import from, as the file says it. */
export interface RawImport {
  from: string | string[];
  topics: string | string[];
}

/** The files for TLS, as paths. */
export type RawTls = Partial<Record<(typeof tlsKeys)[number], string>>;

const tlsKeys = ['ca', 'cert', 'key'] as const;

const PREFIX = /^(?=.{1,127}$)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;
const MACHINES = /^[A-Za-z0-9_*-]{1,63}$/;
const SERVER =
  /^(?:(?:nats|tls):\/\/)?(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?)(?::(\d{1,5}))?$/;

const textShape = { type: 'string', minLength: 1 };

/** Formats of the keys of `nats`. */
export const natsFormats = {
  servers: {
    expected: 'HOST, HOST:PORT, nats://HOST:PORT or tls://HOST:PORT, or a list of these',
    check: isListOf(isServer),
    fault: listFault('server', isServer, serverFault),
    shape: listShape({ type: 'string', pattern: SERVER.source }),
  },
  machine: textFormat('one word of at most 63 letters, digits, `_` and `-`', MACHINE),
  stream: textFormat(
    'the name of a stream: one word of at most 63 letters, digits, `_` and `-`',
    MACHINE, // A stream can be called what a machine can.
  ),
  prefix: textFormat('words of letters, digits, `_` and `-`, joined by dots', PREFIX),
  tls: {
    expected: 'paths of PEM files, such as {ca: ca.pem, cert: web1.pem, key: web1.key}',
    check: (value) => tlsFault(value) === undefined,
    fault: (value) => tlsFault(value)!,
    shape: {
      type: 'object',
      properties: Object.fromEntries(tlsKeys.map((key) => [key, textShape])),
      dependencies: { cert: ['key'], key: ['cert'] },
      additionalProperties: false,
    },
  },
  patterns: {
    expected: 'a topic or pattern such as host.>, or a list of these',
    check: isListOf(isExportable),
    fault: listFault('pattern', isExportable, patternFault),
    shape: listShape(textShape),
  },
  imports: {
    expected: "a list such as [{from: 'web*', topics: ['host.>']}]",
    check: (value) => importsFault(value) === undefined,
    fault: (value) => importsFault(value)!,
    shape: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          from: listShape({ type: 'string', pattern: MACHINES.source }),
          topics: listShape(textShape),
        },
        required: ['from', 'topics'],
        additionalProperties: false,
      },
    },
  },
} satisfies Record<string, Format>;

function textFormat(expected: string, pattern: RegExp): Format {
  return {
    expected,
    check: (value) => typeof value === 'string' && pattern.test(value),
    shape: { type: 'string', pattern: pattern.source },
  };
}

/** The list that one text stands for, or the list itself. */
export function asList<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}

function isListOf(isOne: (value: unknown) => boolean): (value: unknown) => boolean {
  return (value) => (Array.isArray(value) && value.length > 0 && value.every(isOne)) || isOne(value);
}

function listShape(shape: object): object {
  return { oneOf: [shape, { type: 'array', minItems: 1, items: shape }] };
}

/** Says which one of a list is wrong, and why. */
function listFault(
  what: string,
  isOne: (value: unknown) => boolean,
  fault: (value: unknown) => string,
): (value: unknown) => string {
  return (value) => {
    if (!Array.isArray(value)) return `it ${fault(value)}`;
    if (value.length === 0) return 'it is an empty list';
    const index = value.findIndex((one) => !isOne(one));
    return `${what} ${index + 1} ${fault(value[index])}`;
  };
}

function isServer(value: unknown): boolean {
  const [match, port] = (typeof value === 'string' && SERVER.exec(value)) || [];
  return match !== undefined && (port === undefined || (Number(port) > 0 && Number(port) <= 65_535));
}

/** A URL with a password is not repeated. */
function serverFault(value: unknown): string {
  if (typeof value === 'string' && value.includes('@'))
    return 'contains a user, a password or a token; they belong in nats.credentials or in the systemd credential nats-creds';
  return `is ${shown(value)}`;
}

/** Reports whether other machines can hear some topic of a pattern. */
function isExportable(value: unknown): boolean {
  return typeof value === 'string' && isPattern(value) && !isOfFleet(value);
}

function patternFault(value: unknown): string {
  if (!isText(value)) return `is ${kindOf(value)}`;
  if (isOfFleet(value)) return `is ${shown(value)}; topics of remote.> and fleet.> never leave a machine`;
  if (/^chimed(\.|$)/.test(value)) return `is ${shown(value)}; names that start with chimed are reserved`;
  return `is ${shown(value)}`;
}

function tlsFault(value: unknown): string | undefined {
  if (!isMapping(value)) return `it is ${kindOf(value)}`;
  const stranger = Object.keys(value).find((key) => !(tlsKeys as readonly string[]).includes(key));
  if (stranger !== undefined) return `${stranger} is none of ${tlsKeys.join(', ')}`;
  const wrong = tlsKeys.find((key) => key in value && !isText(value[key]));
  if (wrong !== undefined) return `${wrong} is ${kindOf(value[wrong])}`;
  if ('cert' in value !== 'key' in value)
    return `it has ${'cert' in value ? 'cert without key' : 'key without cert'}`;
  return undefined;
}

function importsFault(value: unknown): string | undefined {
  if (!Array.isArray(value)) return `it is ${kindOf(value)}`;
  for (const [index, one] of value.entries()) {
    const fault = importFault(one);
    if (fault !== undefined) return `import ${index + 1} ${fault}`;
  }
  return undefined;
}

function importFault(value: unknown): string | undefined {
  if (!isMapping(value)) return `is ${kindOf(value)}`;
  const stranger = Object.keys(value).find((key) => key !== 'from' && key !== 'topics');
  if (stranger !== undefined) return `has ${stranger}, which is neither from nor topics`;
  const missing = ['from', 'topics'].find((key) => !(key in value));
  if (missing !== undefined) return `has no ${missing}`;
  const { from, topics } = value;
  if (!natsMachines(from))
    return `has from: ${shown(from)}; a machine is one word of letters, digits, _ and -, in which * stands for any characters`;
  if (!natsFormats.patterns.check(topics)) return `has topics of which ${natsFormats.patterns.fault(topics)}`;
  return undefined;
}

function natsMachines(value: unknown): boolean {
  return isListOf((one) => typeof one === 'string' && MACHINES.test(one))(value);
}
