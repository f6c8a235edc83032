import type { ClockQuality } from '../linux/clock.ts';
import { isCount, isTime } from '../protocol/number-bounds.ts';
import type { ListPage } from './pages.ts';

/** Every few seconds, and after a change: a machine is there. Times are milliseconds. */
export interface Here {
  /** Random id of the bridge's process. */
  bridge: string;
  host: string;
  pid: number;
  version: string;
  /** When the bridge was started, since the epoch. */
  since: number;
  /** When this was sent, since the epoch. */
  time: number;
  /** Time to the server and back. */
  rttMs: number;
  /** Absent where the kernel does not tell. */
  clock?: ClockQuality;
  /** Id of the list of its topics. */
  list: string;
}

/** What a machine wants of another, until the lease ends. Without a page: the same as before. */
export interface Want extends Partial<ListPage> {
  bridge: string;
  list: string;
}

/** Reads what another bridge says; undefined if it is not what it must be. */
export function readTalk(data: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString());
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

export function readHere(data: Uint8Array): Here | undefined {
  const value = readTalk(data);
  if (!value) return undefined;
  const { pid, since, time, rttMs, clock } = value;
  const texts = ['bridge', 'host', 'version', 'list'].every((key) => isShortText(value[key]));
  const numbers = isCount(pid) && isTime(since) && isTime(time) && isDuration(rttMs);
  return texts && numbers && (clock === undefined || isClock(clock)) ? (value as unknown as Here) : undefined;
}

function isClock(value: unknown): value is ClockQuality {
  const { synchronised, maxErrorMs } = (value ?? {}) as Partial<ClockQuality>;
  return typeof synchronised === 'boolean' && isDuration(maxErrorMs);
}

/** The longest that a kernel or a link is believed, in milliseconds. */
const LONGEST_MS = 1e9;

function isDuration(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= LONGEST_MS;
}

export function readPage(data: Uint8Array): ListPage | undefined {
  const value = readTalk(data);
  return value && isPage(value) ? value : undefined;
}

export function readWant(data: Uint8Array): Want | undefined {
  const value = readTalk(data);
  if (!value || !isShortText(value['bridge']) || !isShortText(value['list'])) return undefined;
  return value['topics'] === undefined || isPage(value) ? (value as unknown as Want) : undefined;
}

/** Most pages of a list: some hundred thousand names. */
const MOST_PAGES = 64;

function isPage(value: Record<string, unknown>): value is Record<string, unknown> & ListPage {
  const { list, page, pages, topics } = value;
  if (!isShortText(list) || !isCount(page) || !isCount(pages) || pages > MOST_PAGES) return false;
  return Array.isArray(topics) && topics.every(isShortText);
}

function isShortText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 255;
}
