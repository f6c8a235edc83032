import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { whyNot } from './machine.ts';

/** Notes a figure or an answer for the table at the end. */
export function saw(what: string, answer: string | number): void {
  appendFileSync(process.env['CHIMED_SEEN']!, `${JSON.stringify([what, String(answer)])}\n`);
}

/** vitest's global set-up: prints, once all tests are done, the table of what they saw. */
export default function collect(): () => void {
  const reason = whyNot();
  if (reason !== undefined) process.stderr.write(`\nSKIPPED: the tests under systemd; ${reason}\n\n`);
  const folder = mkdtempSync(join(tmpdir(), 'chimed-seen-'));
  const file = join(folder, 'seen');
  writeFileSync(file, '');
  process.env['CHIMED_SEEN'] = file;
  return () => {
    const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
    const rows = lines.map((line) => JSON.parse(line) as [string, string]);
    rmSync(folder, { recursive: true });
    const width = Math.max(0, ...rows.map(([what]) => what.length));
    for (const [what, answer] of rows) process.stdout.write(`${what.padEnd(width)}  ${answer}\n`);
  };
}
