import type { LogLine } from '../processes/line-budget.ts';

const levels = ['debug', 'info', 'warn', 'error'] as const;

/** Reads a line that a module's process sent. @returns undefined if it is none. */
export function readLine(json: string): LogLine | undefined {
  try {
    const { level, fields, message } = JSON.parse(json) as Partial<LogLine>;
    const known = levels.find((name) => name === level);
    if (!known || typeof message !== 'string' || typeof fields !== 'object' || !fields) return undefined;
    return { level: known, fields, message };
  } catch {
    return undefined; // The module itself has written there.
  }
}
