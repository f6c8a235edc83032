import { Cron } from 'croner';

/**
 * Reads a cron pattern of five fields, or six with seconds first. It only tells times: it runs nothing.
 * @param timezone The machine's, unless given.
 * @throws if the pattern is none.
 */
export function parseCron(pattern: string, timezone?: string): Cron {
  return new Cron(pattern, { paused: true, mode: '5-or-6-parts', ...(timezone && { timezone }) });
}
