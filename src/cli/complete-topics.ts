import { createConnection } from 'node:net';
import { dirname } from 'node:path';

import { isPattern, isTopic } from '../protocol/names.ts';
import { isForeignDirectory, socketPaths } from '../protocol/paths.ts';
import { StatusPages } from '../protocol/status-pages.ts';
import type { Status } from '../protocol/status-snapshot.ts';
import { FrameReader, encodeFrame } from '../transport/frames.ts';

/** From the start of the process to its end, in milliseconds: a person waits for it. */
const PATIENCE_MS = 300;
/** What the daemon gets of it at least, where Node itself takes long to start. */
const LEAST_MS = 100;
/** Many times the size of a page, and parsed in time. */
const MOST_BYTES = 4 * 1024 ** 2;

/**
 * Prints the names of topics that begin with a text, for the completion of a shell: those that come in time. Prints
 * nothing if there is no daemon or the user may not ask it. It has a bundle of its own, without commander and the client
 * library: these take longer to load than the daemon to answer.
 * @param args The beginning of the name, and the path of the socket; either can be empty.
 */
export async function completeTopics([prefix = '', socket = '']: readonly string[]): Promise<void> {
  const names: string[] = [];
  const left = Math.max(PATIENCE_MS - performance.now(), LEAST_MS);
  const timeUp = new Promise((resolve) => setTimeout(resolve, left));
  await Promise.race([collectTopics(names, prefix, socket ? [socket] : socketPaths()), timeUp]);
  process.stdout.on('error', () => {}); // The shell has stopped reading.
  process.stdout.write([...new Set(names)].map((name) => `${name}\n`).join(''));
}

/**
 * Asks the first daemon that can be reached for topics that begin with a text, however long that takes. Never throws.
 * @param names Gets the names as they come.
 */
export async function collectTopics(
  names: string[],
  prefix: string,
  paths: readonly string[],
): Promise<void> {
  const pattern = `${prefix.slice(0, prefix.lastIndexOf('.') + 1)}>`;
  if (!isPattern(pattern)) return;
  for (const path of paths) {
    if (isForeignDirectory(dirname(path))) continue;
    try {
      for await (const topics of pages(path, pattern)) {
        // A program that only pretends to be chimed could send names that mean something to a shell.
        names.push(...topics.filter((name) => isTopic(name) && name.startsWith(prefix)));
      }
      return;
    } catch {
      // Nobody is there, or nobody who speaks as chimed does: the next place may have the daemon.
    }
  }
}

/** The topics that match a pattern, as the daemon lists them. @throws if there is none at this place. */
async function* pages(path: string, pattern: string): AsyncGenerator<string[]> {
  const socket = createConnection(path);
  const reader = new FrameReader({ maxBytes: MOST_BYTES });
  const ask = (page: { after?: string }): void =>
    void socket.write(encodeFrame({ type: 'chimed.status', data: { topics: [pattern], ...page } }));
  ask({});
  const come = new StatusPages();
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    for (const frame of reader.read(chunk)) {
      if (frame instanceof Error) throw frame;
      if (frame.type === 'chimed.rejected') return;
      if (frame.type !== 'chimed.status') continue;
      const page = frame.data as Status;
      yield page.topics.map(({ topic }) => topic);
      const next = come.take(page);
      if (!next) return;
      ask(next);
    }
  }
}
