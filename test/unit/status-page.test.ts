import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';

import { renderStatus } from '../../src/cli/status-page.ts';
import type { Status } from '../../src/protocol/status-snapshot.ts';

const status: Status = {
  version: '1.2.3',
  pid: 1,
  instance: 'abc',
  uptimeSeconds: 5,
  memoryBytes: 2 ** 26,
  configFile: '/etc/chimed/chimed.yaml',
  socketPath: '/run/chimed/chimed.sock',
  reload: null,
  clientCount: 1,
  clients: [
    {
      id: 1,
      name: 'x   0  0',
      pid: 2,
      uid: 3,
      gid: 4,
      groups: [],
      topics: ['host.>'],
      patternCount: 1,
      sent: 5,
      skipped: 6,
      pendingBytes: 7,
      since: Date.now(),
    },
  ],
  topicCount: 1,
  topics: [
    {
      topic: 'host.load',
      schedule: 'every 1s',
      next: Date.now() + 60_000,
      source: 'host',
      awake: true,
      seq: 8,
      clients: 9,
      lastSent: Date.now(),
      lateP50Ms: 1,
      lateP99Ms: 2,
      skippedTicks: 3,
      failures: 4,
      lastError: `it failed\u001b[2J ${'and '.repeat(50)}`,
    },
  ],
};
const colour = (text: string): string => `\u001b[31m${text}\u001b[39m`;
const paint = { dim: colour, name: colour, bad: colour, heading: colour };

test('a name cannot be taken for other cells, nor an error command the terminal', () => {
  const page = stripVTControlCharacters(renderStatus(status, paint));
  expect(page).toMatch(/^1 +"x {3}0 {2}0" +2 +3 +host\.>/m);
  expect(page).toContain('it failed\\x1b[2J and');
  expect(page).toMatch(/^host\.load +every 1s +host +8 +9 +\d+ms ago +in (1m|60s|59s)/m);
});

test('a line that is wider than the terminal is cut off, and its colours end', () => {
  const page = renderStatus(status, paint, 40);
  const whole = renderStatus(status, paint).split('\n');
  for (const [index, line] of page.split('\n').entries()) {
    const text = stripVTControlCharacters(line);
    const all = stripVTControlCharacters(whole[index]!);
    expect(text).toBe(all.length > 40 ? `${all.slice(0, 39)}…` : all);
    expect(line.split('\u001b[31m').length).toBe(line.split('\u001b[39m').length);
  }
});
