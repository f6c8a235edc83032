import type { Rejection } from '../protocol/messages.ts';

/** `too-fast` is a warning: the daemon reads more slowly, and drops nothing. */
export function isDropped({ code }: Pick<Rejection, 'code'>): boolean {
  return code !== 'too-fast';
}
