import { Cron } from 'croner';

import { messageOf } from '../errors.ts';

/** What cron does not tell the time by, and which key does. */
const elsewhere: [RegExp, string][] = [
  [/^@every$/, 'cron has no @every: `interval: 5m` ticks every five minutes'],
  [
    /^@reboot$/,
    'cron has no time for @reboot: `interval` with `always: true` takes its first sample when the daemon starts',
  ],
];

/**
 * Reads a cron pattern of five fields, or six with seconds first. It only tells times: it runs nothing.
 * @param timezone The machine's, unless given.
 * @throws if the pattern is none.
 */
export function parseCron(pattern: string, timezone?: string): Cron {
  const fields = pattern.trim().split(/\s+/);
  const [, key] = elsewhere.find(([nickname]) => nickname.test(fields[0]!)) ?? [];
  if (key !== undefined) throw new Error(key);
  const isNickname = fields[0]!.startsWith('@');
  if (!isNickname && fields.length !== 5 && fields.length !== 6)
    throw new Error(`it has ${fields.length} fields, not five, or six with seconds first`);
  const [dayOfMonth = '', , dayOfWeek = ''] = fields.slice(-3);
  try {
    return new Cron(pattern, {
      paused: true,
      // As crontab(5) has it: a day must match both fields if one of them begins with a `*`, and else either of them.
      domAndDow: /^[*?]/.test(dayOfMonth) || /^[*?]/.test(dayOfWeek),
      ...(timezone && { timezone }),
    });
  } catch (error) {
    throw new Error(asWritten(messageOf(error)), { cause: error });
  }
}

/** croner counts months and days from 0. */
function asWritten(message: string): string {
  return message
    .replace(/^CronPattern: /, '')
    .replace(/(?<=^Invalid value for (?:month|day): )-?\d+/, (number) => String(Number(number) + 1));
}
