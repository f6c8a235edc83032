const units = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
] as const;

/** A span of time in its largest unit, such as `12 s`. */
export function spanOfTime(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [unit, size] = units.find(([, length]) => seconds >= length) ?? ['s', 1];
  return `${Math.floor(seconds / size)} ${unit}`;
}

/** A time of day, in 24 hours: the axis of a plot has little width. */
export const clock = (time: number): string =>
  new Date(time).toLocaleTimeString(undefined, { hour12: false });

/** As long as its digits tell something: for labels, not for the payload itself. */
export function shortNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e15 || (size > 0 && size < 1e-4)) return value.toExponential(2);
  return value.toLocaleString('en', {
    maximumSignificantDigits: size >= 1000 ? Math.ceil(Math.log10(size + 1)) : 6,
  });
}

/** For the axis of a plot, where there is little width. */
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 6 });
export const axisNumber = (value: number): string => compact.format(value);

export function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  return count < 1024 ** 2 ? `${(count / 1024).toFixed(1)} KiB` : `${(count / 1024 ** 2).toFixed(1)} MiB`;
}

export const counted = (count: number, thing: string): string =>
  `${count.toLocaleString('en')} ${thing}${count === 1 ? '' : 's'}`;

/** Control characters, and those that change the direction of the text around them. */
const invisible = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const shown = (text: string): string =>
  text.replace(invisible, (character) => `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`);

/** A payload in one line. @param most Characters to show. */
export function oneLine(payload: unknown, most: number): string {
  const text = typeof payload === 'string' ? payload.trimEnd().replaceAll('\n', ' ⏎ ') : spaced(payload);
  return shown(text.length > most ? `${text.slice(0, most)}…` : text);
}

/** A payload as indented JSON. */
export function indented(payload: unknown): string {
  return JSON.stringify(payload, undefined, 2).split('\n').map(shown).join('\n');
}

const spaced = (payload: unknown): string =>
  JSON.stringify(payload, undefined, 1)
    .replace(/([[{])\n */g, (_, bracket: string) => (bracket === '{' ? '{ ' : '['))
    .replace(/\n *([\]}])/g, (_, bracket: string) => (bracket === '}' ? ' }' : ']'))
    .replace(/\n */g, ' ');
