/** Reports whether a time zone is one that Node knows: an IANA name such as Europe/Berlin, or an offset such as +05:30. */
export function isTimezone(name: string): boolean {
  try {
    Intl.DateTimeFormat('en', { timeZone: name });
    return typeof name === 'string';
  } catch {
    return false;
  }
}

/** The machine's time zone, as Node has understood it when this process started. */
export function machineTimezone(): string {
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return isTimezone(name) ? name : 'UTC'; // It may be called Etc/Unknown.
}

/**
 * How far a time zone's clock is ahead of UTC.
 * @returns a function from a time, in milliseconds since the epoch, to milliseconds.
 */
export function offsetsOf(timezone: string): (time: number) => number {
  const format = new Intl.DateTimeFormat('en', { timeZone: timezone, timeZoneName: 'longOffset' });
  return (time) => {
    const [, sign, hours, minutes, seconds = '0'] =
      /GMT([+-])(\d\d):(\d\d)(?::(\d\d))?$/.exec(format.format(time)) ?? [];
    if (sign === undefined) return 0;
    const ahead = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
    return sign === '-' ? -ahead : ahead;
  };
}
