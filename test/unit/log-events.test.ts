import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { logEvents } from '../../src/log-events.ts';
import { root } from '../helpers/program.ts';

test('each event that there is is logged: the compiler sees to it that no line is without one', () => {
  const files = globSync(join(root, 'src/**/*.ts')).filter((file) => !file.endsWith('/log-events.ts'));
  const source = files.map((file) => readFileSync(file, 'utf8')).join('\n');
  expect(Object.keys(logEvents).filter((event) => !source.includes(`'${event}'`))).toEqual([]);
});

test('ids are 128 random bits, and no two are the same', () => {
  const ids = Object.values(logEvents);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
});
