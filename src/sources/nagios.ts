/** What a monitoring plugin found, by its exit code: 0 to 3. */
const states = ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'] as const;

/** Exit codes of a plugin that say how things are; others mean that it could not tell. */
export const nagiosExits: readonly number[] = states.map((_, exit) => exit);

/** One figure of a plugin. */
export interface Datum {
  /** null if the plugin could not tell. */
  value: number | null;
  unit?: string;
  /** Ranges as they were written, such as `80` or `10:20`. */
  warn?: string;
  crit?: string;
  min?: number;
  max?: number;
}

/** The outcome of a check. */
export interface CheckResult {
  status: (typeof states)[number];
  exit: number;
  /** All that it said, without the figures. */
  text: string;
  perfdata: Record<string, Datum>;
}

/** `label=value[unit];[warn];[crit];[min];[max]`; a label with blanks is in single quotes. */
const DATUM = /(?:'((?:[^']|'')+)'|([^\s'=]+))=(U|-?[\d.]+)([^\s;]*)((?:;[^\s;]*){0,4})/g;

/**
 * Reads what a plugin for Nagios, Icinga or the like printed: text, and figures behind a `|`, on the first line and
 * once more below.
 * @see https://nagios-plugins.org/doc/guidelines.html
 */
export function parseNagios(exit: number, output: string): CheckResult {
  const [first = '', ...rest] = output.trimEnd().split('\n');
  const [line, figures = ''] = cut(first);
  const [below, moreFigures = ''] = cut(rest.join('\n'));
  const text = [line, below].filter(Boolean).join('\n');
  return { status: states[exit]!, exit, text, perfdata: parseFigures(`${figures} ${moreFigures}`) };
}

function cut(text: string): [string, string?] {
  const at = text.indexOf('|');
  return at === -1 ? [text.trimEnd()] : [text.slice(0, at).trimEnd(), text.slice(at + 1)];
}

function parseFigures(text: string): Record<string, Datum> {
  const data: [string, Datum][] = [];
  for (const [, quoted, bare, value, unit, ranges = ''] of text.matchAll(DATUM)) {
    const [, warn, crit, min, max] = ranges.split(';');
    data.push([
      quoted?.replaceAll("''", "'") ?? bare!,
      {
        value: value === 'U' ? null : Number(value),
        ...(unit && { unit }),
        ...(warn && { warn }),
        ...(crit && { crit }),
        ...(min && { min: Number(min) }),
        ...(max && { max: Number(max) }),
      },
    ]);
  }
  return Object.fromEntries(data);
}
