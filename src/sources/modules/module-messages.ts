import type { LogLine } from '../processes/line-budget.ts';
import { readLine } from './module-lines.ts';

/** What the process of a module says, see module-process.ts. `call` is the number of the call that it belongs to. */
export type ModuleMessage =
  /** Node has started. */
  | { word: 'ready' }
  | { word: 'loaded'; stamp: string }
  /** It cannot be loaded, or has thrown outside a call. */
  | { word: 'over'; reason: string }
  | { word: 'payload'; call: number; json: string }
  | { word: 'failed'; call: number; reason: string }
  | { word: 'log'; line: LogLine };

/** @returns undefined for a line that the module itself has written there. */
export function readMessage(text: string): ModuleMessage | undefined {
  const [word, rest] = cut(text);
  switch (word) {
    case 'ready':
      return { word };
    case 'loaded':
      return { word, stamp: rest };
    case 'fatal':
    case 'unloadable':
      return { word: 'over', reason: sentence(rest) };
    case 'payload': {
      const [call, json] = cut(rest);
      return { word, call: Number(call), json };
    }
    case 'failed': {
      const [call, reason] = cut(rest);
      return { word, call: Number(call), reason: sentence(reason) };
    }
    case 'log': {
      const line = readLine(rest);
      return line && { word, line };
    }
    default:
      return undefined;
  }
}

/** The first word of a text, and what follows. */
function cut(text: string): [string, string] {
  const end = text.indexOf(' ');
  return end === -1 ? [text, ''] : [text.slice(0, end), text.slice(end + 1)];
}

/** What was sent as JSON text. */
function sentence(json: string): string {
  try {
    return String(JSON.parse(json));
  } catch {
    return json; // The module itself has written there.
  }
}
