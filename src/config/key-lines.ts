import { EVENT_ALIAS, EVENT_MAPPING, EVENT_POP, EVENT_SCALAR, getScalarValue, parseEvents } from 'js-yaml';
import type { Event } from 'js-yaml';

/**
 * Finds the line, from 1, of the key that a path leads to in a YAML text, or of the last one on the way that
 * is there.
 * @param text One that could be loaded.
 */
export function lineOfKey(text: string, path: readonly string[]): number | undefined {
  const events = parseEvents(text, {});
  let line: number | undefined;
  let at = 1; // The first opens the document.
  for (const name of path) {
    const key = findKey(name, text, events, at);
    if (key === undefined) break;
    line = lineAt(text, key.start);
    at = key.next;
  }
  return line;
}

/** The key of this name in the mapping that begins at an event: where it starts, and the event of its value. */
function findKey(
  name: string,
  text: string,
  events: readonly Event[],
  mapping: number,
): { start: number; next: number } | undefined {
  if (events[mapping]?.type !== EVENT_MAPPING) return undefined;
  let at = mapping + 1;
  for (let event = events[at]; event && event.type !== EVENT_POP; event = events[at]) {
    const next = after(events, at);
    if (event.type === EVENT_SCALAR && getScalarValue(text, event) === name) {
      return { start: event.valueStart, next };
    }
    at = after(events, next);
  }
  return undefined;
}

/** The event after the node that begins at one. */
function after(events: readonly Event[], at: number): number {
  const type = events[at]?.type;
  if (type === EVENT_SCALAR || type === EVENT_ALIAS) return at + 1;
  let next = at + 1;
  while (next < events.length && events[next]?.type !== EVENT_POP) next = after(events, next);
  return next + 1;
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}
