import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { expect, test } from 'vitest';

import { openMetrics } from '../../src/gateway/open-metrics.ts';
import { documentAt } from '../helpers/documents.ts';
import { root } from '../helpers/program.ts';
import { snapshot, topicStatus } from '../helpers/snapshot.ts';

interface Rule {
  alert: string;
  expr: string;
  annotations: { summary: string; action: string };
}

const fileAt = (name: string): string => readFileSync(join(root, 'monitoring', name), 'utf8');
const { groups } = load(fileAt('alerts.yaml')) as { groups: { rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(fileAt('dashboard.json')) as Dashboard;

interface Dashboard {
  panels: Panel[];
  templating: { list: { name: string; type: string; definition?: string; datasource?: unknown }[] };
}

interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  datasource?: unknown;
  targets?: { expr: string; datasource: unknown }[];
}

/** The names of all samples, each of which can be asked for. */
function writtenNames(): Set<string> {
  const status = snapshot({ topics: [topicStatus('t', { metrics: true })] });
  const text = openMetrics(status, new Map([['t', { data: 1 }]]));
  return new Set([...text.matchAll(/^(\w+)(?:{| )/gm)].map(([, name]) => name!));
}

function namesIn(expressions: readonly string[]): string[] {
  return expressions.flatMap((expression) => expression.match(/\bchimed_\w+/g) ?? []);
}

test('alerts use only metrics that are written', () => {
  const names = namesIn(rules.map(({ expr }) => expr));
  expect(names.filter((name) => !writtenNames().has(name))).toEqual([]);
  expect(names.length).toBeGreaterThan(rules.length);
});

test('each alert says what has happened and what to do, and is in the documentation', () => {
  for (const { alert, annotations } of rules) {
    expect.soft(annotations.summary, alert).toMatch(/\.$/);
    expect.soft(annotations.action, alert).toMatch(/\.$/);
  }
  const documented = [...documentAt('docs/monitoring.md').matchAll(/^\| `(Chimed\w+)` \|/gm)];
  expect(documented.map(([, alert]) => alert)).toEqual(rules.map(({ alert }) => alert));
});

test('the dashboard uses only metrics that are written', () => {
  const expressions = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  const definitions = dashboard.templating.list.flatMap(({ definition }) => definition ?? []);
  const names = namesIn([...expressions, ...definitions]);
  expect(names.filter((name) => !writtenNames().has(name))).toEqual([]);
  expect(names.length).toBeGreaterThan(20);
});

test('the dashboard takes all data from its data source variable', () => {
  const source = { type: 'prometheus', uid: '${datasource}' };
  expect(dashboard.templating.list[0]).toMatchObject({ name: 'datasource', type: 'datasource' });
  for (const { datasource } of dashboard.templating.list.slice(1)) expect(datasource).toEqual(source);
  for (const { targets, ...panel } of dashboard.panels) {
    if (panel.type === 'row') continue;
    for (const { datasource } of [panel, ...targets!]) expect(datasource, panel.title).toEqual(source);
  }
});

test('panels of the dashboard have different ids and do not overlap', () => {
  const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) => {
    expect(x + w).toBeLessThanOrEqual(24);
    return Array.from({ length: w * h }, (_, index) => `${x + (index % w)} ${y + Math.floor(index / w)}`);
  });
  expect(new Set(cells).size).toBe(cells.length);
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
});
