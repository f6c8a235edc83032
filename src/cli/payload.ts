import { printableLines } from './printable.ts';

/** A payload for people: a text as it is, anything else as JSON. */
export function asText(data: unknown): string {
  return typeof data === 'string' ? data : JSON.stringify(data);
}

/** The same for one who has asked for it: as it is for a program, and without commands for a terminal. */
export function asAnswer(data: unknown): string {
  return process.stdout.isTTY ? printableLines(asText(data)) : asText(data);
}
