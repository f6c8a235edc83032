import ms from 'ms';

/** A rate for a narrow column. */
export function perSecond(rate: number | undefined): string {
  return rate === undefined ? '-' : `${short(rate)}/s`;
}

/** A number in few characters: `0.25`, `12.5`, `1234`, `2.5M`. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e5) return String(value);
  if (size >= 1e15 || (size < 0.01 && size > 0)) return value.toExponential(1);
  for (const [unit, factor] of [
    ['T', 1e12],
    ['G', 1e9],
    ['M', 1e6],
    ['k', 1e5],
  ] as const)
    if (size >= factor) return `${round(value / (unit === 'k' ? 1e3 : factor))}${unit}`;
  return round(value);
}

/** How long ago that was, in whole seconds at least: a finer age would change each line at each refresh. */
export function age(time: number | null | undefined, now: number): string {
  if (time === null || time === undefined) return '-';
  const seconds = Math.floor((now - time) / 1000);
  return seconds < 1 ? '0s' : ms(seconds * 1000);
}

export function milliseconds(value: number | null): string {
  return value === null ? '-' : `${value.toFixed(1)}ms`;
}

export function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 ** 2)} MiB`;
}

function round(value: number): string {
  const digits = Math.abs(value) < 1 ? 2 : Math.abs(value) < 100 ? 1 : 0;
  return String(Number(value.toFixed(digits)));
}
