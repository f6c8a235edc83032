import { expect, test } from 'vitest';

import { startDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { TestGateway } from '../helpers/gateway.ts';
import { chimed } from '../helpers/program.ts';

const topics = {
  'host.load': { interval: '50ms', host: 'load' },
  'price.gold': { publish: true, metrics: true },
  'price.silver': { publish: true, metrics: true },
  'price.tin': { publish: true },
};

test('status --openmetrics prints the daemon, its topics and the numbers of those with metrics: true', async () => {
  await using daemon = await startDaemon({ topics });
  await using client = daemon.connect();
  await client.publish('price.gold', { eur: 61.5, open: true });
  await client.publish('price.tin', { eur: 0.02 });
  const { exitCode, stdout, stderr } = await chimed(['status', '--openmetrics', '--socket', daemon.socket]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  const lines = stdout.split('\n');
  expect(lines).toContain('chimed_up 1');
  expect(lines).toContain('chimed_topic_messages_total{topic="price.tin"} 1');
  expect(lines).toContain('chimed_topic_awake{topic="host.load"} 0');
  expect(lines.at(-1)).toBe('# EOF');
  expect(lines.filter((line) => /^chimed_value(s_left_out)?{/.test(line))).toEqual([
    'chimed_value{topic="price.gold",key="eur"} 61.5',
    'chimed_value{topic="price.gold",key="open"} 1',
    'chimed_values_left_out{topic="price.gold"} 0',
  ]);
});

test('status --openmetrics prints only the topics that match its patterns', async () => {
  await using daemon = await startDaemon({ topics });
  await using client = daemon.connect();
  for (const topic of ['price.gold', 'price.silver']) await client.publish(topic, 1);
  const { stdout } = await chimed(['status', 'price.silver', '--openmetrics', '--socket', daemon.socket]);
  expect(stdout).toContain('\nchimed_value{topic="price.silver",key=""} 1\n');
  expect(stdout).not.toMatch(/gold|host/);
});

test('status --openmetrics without a daemon prints that, and fails', async () => {
  using folder = temporaryFolder();
  const { exitCode, stdout, stderr } = await chimed(['status', '--openmetrics', '-s', folder.file('none')]);
  expect(exitCode).toBe(69);
  expect(stdout.split('\n').slice(-2)).toEqual(['chimed_up 0', '# EOF']);
  expect(stderr).toContain('no daemon');
});

test.each(['--json', '--watch'])('status --openmetrics does not go with %s', async (other) => {
  const { exitCode, stderr } = await chimed(['status', '--openmetrics', other]);
  expect(exitCode).toBe(64);
  expect(stderr).toContain("'--openmetrics' cannot be used with option");
});

test('/metrics is OpenMetrics for clients that accept it, and the older text format for others', async () => {
  await using daemon = await startDaemon({ topics });
  await using gateway = await TestGateway.start(daemon);
  await using client = daemon.connect();
  for (const topic of ['price.gold', 'price.silver']) await client.publish(topic, 1);
  const plain = await gateway.ask('/metrics');
  expect(plain.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(plain.text).toContain('\n# TYPE chimed_messages_total counter\n');
  const accept = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5';
  const open = await gateway.ask('/metrics', { headers: { accept } });
  expect(open.headers['content-type']).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
  expect(open.text).toContain('\n# TYPE chimed_messages counter\n');
  for (const { status, headers, text } of [plain, open]) {
    expect(status).toBe(200);
    expect(headers.vary).toBe('Accept');
    expect(text).toContain('\nchimed_value{topic="price.silver",key=""} 1\n');
  }
});

test('/metrics without a daemon says so', async () => {
  await using daemon = await startDaemon({ topics });
  await using gateway = await TestGateway.start(daemon);
  expect((await gateway.ask('/metrics')).text).toContain('\nchimed_up 1\n');
  await daemon.program.kill().ended;
  // The snapshot may be a second old.
  await expect
    .poll(async () => (await gateway.ask('/metrics')).text, { timeout: 10_000 })
    .toMatch(/^chimed_up 0\n# EOF\n$/m);
});
