import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { startDaemon } from '../helpers/daemon.ts';
import type { TestDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { TOKEN, TestGateway } from '../helpers/gateway.ts';
import { chimed, root } from '../helpers/program.ts';
import { has } from '../helpers/programs-here.ts';
import { startNodeExporter, startPrometheus } from './servers.ts';

const OPENMETRICS = 'application/openmetrics-text; version=1.0.0';

const topics = {
  'host.load': { interval: '100ms', host: 'load', always: true },
  failing: { interval: '100ms', command: 'exit 3', always: true },
  price: { publish: true, metrics: true },
  'load.copy': { interval: '200ms', host: 'load', metrics: true },
};

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await startDaemon({ topics });
  await using client = daemon.connect();
  await client.publish('price', { eur: 61.5, 'C:\\"x"': true });
});

afterAll(() => daemon[Symbol.asyncDispose]());

/** Has a program of Prometheus's read a text. @returns all that it says. */
function said(program: string, args: string[], input = ''): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(program, args, { input, encoding: 'utf8', cwd: root });
  return { status, output: stdout + stderr };
}

const openmetrics = async (): Promise<string> =>
  `${(await chimed(['status', '--openmetrics', '--socket', daemon.socket])).stdout}\n`;

describe.skipIf(!has('promtool'))('promtool', () => {
  test('finds no fault in the metrics of a real daemon', async () => {
    const text = await openmetrics();
    expect(text).toContain('chimed_value{topic="price",key="eur"} 61.5');
    expect(said('promtool', ['check', 'metrics'], text)).toEqual({ status: 0, output: '' });
  });

  test('finds no fault in /metrics, as curl gets it', async () => {
    await using gateway = await TestGateway.start(daemon);
    const { text } = await gateway.ask('/metrics');
    expect(text).toContain('chimed_value{topic="load.copy",key="0"}');
    expect(said('promtool', ['check', 'metrics'], text)).toEqual({ status: 0, output: '' });
  });

  test('finds faults, where there are some', () => {
    const { status, output } = said('promtool', ['check', 'metrics'], '# TYPE a counter\na 1\n');
    expect(status).not.toBe(0);
    expect(output).toContain('counter metrics should have "_total" suffix');
  });

  test('finds no fault in the alert rules', () => {
    const { status, output } = said('promtool', ['check', 'rules', 'monitoring/alerts.yaml']);
    expect(output).toMatch(/SUCCESS: \d+ rules found/);
    expect(status).toBe(0);
  });

  test('sees each alert fire when it must, and only then', () => {
    const { status, output } = said('promtool', ['test', 'rules', 'test/web/alerts.yaml']);
    expect(output).toContain('SUCCESS');
    expect(status).toBe(0);
  });
});

/** Debian's: another one does not see Debian's packages. */
const PYTHON = '/usr/bin/python3';
const hasStrictParser = spawnSync(PYTHON, ['-c', 'import prometheus_client']).status === 0;
if (!hasStrictParser) process.stderr.write('SKIPPED: a test needs python3-prometheus-client\n');

test.skipIf(!hasStrictParser)('a strict parser of OpenMetrics accepts /metrics', async () => {
  await using gateway = await TestGateway.start(daemon);
  const code = `import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
print(json.dumps({f.name: [f.type, f.unit, len(f.samples)] for f in parse(sys.stdin.read())}))`;
  const { text } = await gateway.loopback('/metrics', { headers: { accept: OPENMETRICS } });
  const { status, output } = said(PYTHON, ['-c', code], text);
  expect(status, output).toBe(0);
  expect(JSON.parse(output)).toMatchObject({
    chimed_up: ['gauge', '', 1],
    chimed_messages: ['counter', '', 1],
    chimed_topic_lateness_seconds: ['histogram', 'seconds', 45],
    chimed_value: ['gauge', '', 5],
  });
});

test.skipIf(!has('prometheus-node-exporter'))(
  'node_exporter publishes what status --openmetrics has written, with types and help',
  async () => {
    using directory = temporaryFolder();
    writeFileSync(join(directory.path, 'chimed.prom'), await openmetrics());
    await using exporter = await startNodeExporter(directory.path);
    const text = await (await fetch(`${exporter.url}/metrics`)).text();
    expect(text).toContain('\nnode_textfile_scrape_error 0\n');
    expect(text).toContain('\n# HELP chimed_messages_sent_total Messages sent to clients');
    expect(text).toContain('\n# TYPE chimed_messages_sent_total counter\n');
    expect(text).toContain('\n# TYPE chimed_topic_lateness_seconds histogram\n');
    expect(text).toMatch(/^chimed_topic_lateness_seconds_bucket{topic="host\.load",le="\+Inf"} \d+$/m);
    expect(text).toContain('\nchimed_value{key="eur",topic="price"} 61.5\n');
    expect(text).toContain(String.raw`chimed_value{key="C:\\\"x\"",topic="price"} 1`);
  },
);

describe.skipIf(!has('prometheus'))('a Prometheus that collects from the gateway', () => {
  interface Answer {
    data: { result: { metric: Record<string, string>; value: [number, string] }[] };
  }

  test('answers queries for topics, values and alerts', async () => {
    await using gateway = await TestGateway.start(daemon);
    await using prometheus = await startPrometheus(gateway.port, TOKEN);
    const get = async <T>(path: string): Promise<T> =>
      (await fetch(`${prometheus.url}/api/v1/${path}`)).json() as Promise<T>;
    const query = async (expression: string): Promise<string[]> => {
      const { data } = await get<Answer>(`query?query=${encodeURIComponent(expression)}`);
      return data.result.map(({ value: [, number] }) => number);
    };
    const soon = { timeout: 30_000, interval: 100 };
    await expect.poll(() => query('chimed_value{topic="price",key="eur"}'), soon).toEqual(['61.5']);
    expect(await query('chimed_topic_failing{topic="failing"}')).toEqual(['1']);
    expect(await query('up{job="chimed"}')).toEqual(['1']);
    // Two samples make a rate.
    await expect
      .poll(
        async () => Number((await query('rate(chimed_topic_messages_total{topic="host.load"}[1m])'))[0]),
        soon,
      )
      .toBeGreaterThan(1);
    await expect
      .poll(
        () =>
          query(
            'histogram_quantile(0.5, rate(chimed_topic_lateness_seconds_bucket{topic="host.load"}[1m])) >= 0',
          ),
        soon,
      )
      .toHaveLength(1);
    await expect
      .poll(() => query('ALERTS{alertname="ChimedTopicFailing",topic="failing",alertstate="pending"}'), soon)
      .toEqual(['1']);
    const metadata = await get<{ data: Record<string, { type: string }[]> }>(
      'metadata?metric=chimed_messages',
    );
    expect(metadata.data['chimed_messages']).toMatchObject([{ type: 'counter' }]);
    const { data } = await get<{ data: { groups: { rules: { name: string; health: string }[] }[] } }>(
      'rules',
    );
    const ill = data.groups.flatMap(({ rules }) => rules).filter(({ health }) => health !== 'ok');
    expect(ill).toEqual([]);
  });
});
