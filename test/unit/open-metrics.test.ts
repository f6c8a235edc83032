import { describe, expect, test } from 'vitest';

import { metricFormatFor } from '../../src/gateway/metric-text.ts';
import { openMetrics } from '../../src/gateway/open-metrics.ts';
import type { MetricOptions, TopicValues } from '../../src/gateway/open-metrics.ts';
import { limits } from '../../src/gateway/payload-numbers.ts';
import type { Status } from '../../src/protocol/status-snapshot.ts';
import { snapshot, topicStatus } from '../helpers/snapshot.ts';

const now = 1_700_000_002_500;
const render = (status: Status | undefined, values: TopicValues = new Map(), options: MetricOptions = {}) =>
  openMetrics(status, values, { now, ...options });
const linesOf = (text: string, name: RegExp): string[] => text.split('\n').filter((line) => name.test(line));

/** The samples of one payload of the topic `t`. */
function valuesOf(data: unknown): string[] {
  const status = snapshot({ topics: [topicStatus('t', { metrics: true })] });
  return linesOf(render(status, new Map([['t', { data }]])), /^chimed_value(s_left_out)?{/).map((line) =>
    line.replace('topic="t",', ''),
  );
}

test('the text has the daemon, its users and its topics', () => {
  expect(render(snapshot())).toBe(`# HELP chimed_up Whether the daemon answers.
# TYPE chimed_up gauge
chimed_up 1
# HELP chimed_build_info Always 1; the label has the version of the daemon.
# TYPE chimed_build_info gauge
chimed_build_info{version="0.2.0"} 1
# HELP chimed_uptime_seconds Time since the daemon was started.
# TYPE chimed_uptime_seconds gauge
# UNIT chimed_uptime_seconds seconds
chimed_uptime_seconds 60
# HELP chimed_resident_memory_bytes Resident memory of the daemon.
# TYPE chimed_resident_memory_bytes gauge
# UNIT chimed_resident_memory_bytes bytes
chimed_resident_memory_bytes 50000000
# HELP chimed_event_loop_active_seconds Time that the event loop of the daemon spent working.
# TYPE chimed_event_loop_active_seconds counter
# UNIT chimed_event_loop_active_seconds seconds
chimed_event_loop_active_seconds_total 1.5
# HELP chimed_event_loop_idle_seconds Time that the event loop of the daemon spent waiting.
# TYPE chimed_event_loop_idle_seconds counter
# UNIT chimed_event_loop_idle_seconds seconds
chimed_event_loop_idle_seconds_total 58.5
# HELP chimed_event_loop_lag_seconds How late the event loop of the daemon is now.
# TYPE chimed_event_loop_lag_seconds gauge
# UNIT chimed_event_loop_lag_seconds seconds
chimed_event_loop_lag_seconds 0.002
# HELP chimed_connections Clients that have connected.
# TYPE chimed_connections counter
chimed_connections_total 9
# HELP chimed_clients Clients that are connected now, of all users.
# TYPE chimed_clients gauge
chimed_clients 3
# HELP chimed_pending_bytes Bytes that wait for the clients that the collector can see, of the 200 users with the most clients.
# TYPE chimed_pending_bytes gauge
# UNIT chimed_pending_bytes bytes
chimed_pending_bytes 4096
# HELP chimed_topics Topics that these metrics cover.
# TYPE chimed_topics gauge
chimed_topics 1
# HELP chimed_messages Messages of all topics, each counted once.
# TYPE chimed_messages counter
chimed_messages_total 57
# HELP chimed_messages_sent Messages sent to clients, each counted once for each client.
# TYPE chimed_messages_sent counter
chimed_messages_sent_total 114
# HELP chimed_messages_skipped Messages that slow clients will never receive.
# TYPE chimed_messages_skipped counter
chimed_messages_skipped_total 5
# HELP chimed_sample_failures Failed samples of all topics.
# TYPE chimed_sample_failures counter
chimed_sample_failures_total 4
# HELP chimed_skipped_ticks Skipped ticks of all topics.
# TYPE chimed_skipped_ticks counter
chimed_skipped_ticks_total 3
# HELP chimed_omitted_payloads Payloads of streams that newer ones replaced before they were sent (every).
# TYPE chimed_omitted_payloads counter
chimed_omitted_payloads_total 2
# HELP chimed_reload_failed Whether the last reload failed, so that the previous configuration stays in effect.
# TYPE chimed_reload_failed gauge
chimed_reload_failed 1
# HELP chimed_reload_timestamp_seconds When the configuration was last reloaded, or when that last failed.
# TYPE chimed_reload_timestamp_seconds gauge
# UNIT chimed_reload_timestamp_seconds seconds
chimed_reload_timestamp_seconds 1700000000.5
# HELP chimed_user_clients Connected clients of a user.
# TYPE chimed_user_clients gauge
chimed_user_clients{uid="1000"} 2
chimed_user_clients{uid="none"} 1
# HELP chimed_user_pending_bytes Bytes that wait for the clients of a user.
# TYPE chimed_user_pending_bytes gauge
# UNIT chimed_user_pending_bytes bytes
chimed_user_pending_bytes{uid="1000"} 4096
chimed_user_pending_bytes{uid="none"} 0
# HELP chimed_topic_messages Messages of a topic: the number of its latest one, which a graceful restart keeps.
# TYPE chimed_topic_messages counter
chimed_topic_messages_total{topic="host.load"} 57
# HELP chimed_topic_skipped_ticks Ticks that did not happen because an earlier one, or the machine, took too long.
# TYPE chimed_topic_skipped_ticks counter
chimed_topic_skipped_ticks_total{topic="host.load"} 3
# HELP chimed_topic_failures Failed samples of a topic.
# TYPE chimed_topic_failures counter
chimed_topic_failures_total{topic="host.load"} 4
# HELP chimed_topic_failing Whether the latest sample failed.
# TYPE chimed_topic_failing gauge
chimed_topic_failing{topic="host.load"} 0
# HELP chimed_topic_subscribers Clients that are subscribed to a topic.
# TYPE chimed_topic_subscribers gauge
chimed_topic_subscribers{topic="host.load"} 2
# HELP chimed_topic_awake Whether a topic takes samples: it has subscribers, or is always awake.
# TYPE chimed_topic_awake gauge
chimed_topic_awake{topic="host.load"} 1
# HELP chimed_topic_interval_seconds Interval of a topic that has one.
# TYPE chimed_topic_interval_seconds gauge
# UNIT chimed_topic_interval_seconds seconds
chimed_topic_interval_seconds{topic="host.load"} 1
# HELP chimed_topic_last_message_timestamp_seconds When the latest message of a topic was sent.
# TYPE chimed_topic_last_message_timestamp_seconds gauge
# UNIT chimed_topic_last_message_timestamp_seconds seconds
chimed_topic_last_message_timestamp_seconds{topic="host.load"} 1700000000
# HELP chimed_topic_last_good_age_seconds Time since the last sample that did not fail, or the last publication.
# TYPE chimed_topic_last_good_age_seconds gauge
# UNIT chimed_topic_last_good_age_seconds seconds
chimed_topic_last_good_age_seconds{topic="host.load"} 2.5
# HELP chimed_topic_lateness_seconds How late the ticks of a topic came.
# TYPE chimed_topic_lateness_seconds histogram
# UNIT chimed_topic_lateness_seconds seconds
chimed_topic_lateness_seconds_bucket{topic="host.load",le="0.000512"} 40
chimed_topic_lateness_seconds_bucket{topic="host.load",le="0.001024"} 50
chimed_topic_lateness_seconds_bucket{topic="host.load",le="0.002048"} 55
chimed_topic_lateness_seconds_bucket{topic="host.load",le="0.004096"} 56
chimed_topic_lateness_seconds_bucket{topic="host.load",le="0.008192"} 56
chimed_topic_lateness_seconds_bucket{topic="host.load",le="0.016384"} 56
chimed_topic_lateness_seconds_bucket{topic="host.load",le="0.032768"} 56
chimed_topic_lateness_seconds_bucket{topic="host.load",le="0.065536"} 56
chimed_topic_lateness_seconds_bucket{topic="host.load",le="0.131072"} 56
chimed_topic_lateness_seconds_bucket{topic="host.load",le="0.262144"} 56
chimed_topic_lateness_seconds_bucket{topic="host.load",le="0.524288"} 56
chimed_topic_lateness_seconds_bucket{topic="host.load",le="1.048576"} 56
chimed_topic_lateness_seconds_bucket{topic="host.load",le="+Inf"} 57
chimed_topic_lateness_seconds_sum{topic="host.load"} 1.56
chimed_topic_lateness_seconds_count{topic="host.load"} 57
# HELP chimed_value_topics_left_out Topics with metrics: true that are over the limit, and so are not in chimed_value.
# TYPE chimed_value_topics_left_out gauge
chimed_value_topics_left_out 0
# EOF
`);
});

test('without a daemon, the text says so and nothing else', () => {
  expect(render(undefined)).toBe(
    '# HELP chimed_up Whether the daemon answers.\n# TYPE chimed_up gauge\nchimed_up 0\n# EOF\n',
  );
});

test('no process id, client id, client name, path or error is in the text', () => {
  expect(render(snapshot())).not.toMatch(/12345|54321|6789|secret-name|f00dcafe|chimed\.sock|mapping/);
});

test('families that a daemon of version 0.1 does not report are left out', () => {
  const oldest = snapshot();
  for (const key of ['reload', 'totals', 'eventLoop', 'users'] as const) delete oldest[key];
  for (const key of ['lateness', 'lastGood', 'failingSince'] as const) delete oldest.topics[0]![key];
  const text = render(oldest);
  expect(text).not.toMatch(/_reload_|_sent|_event_loop_|_user_|_lateness_|_age_|undefined|NaN/);
  expect(text).toContain('\nchimed_topic_messages_total{topic="host.load"} 57\n');
});

test('before the first reload, none has failed and none has a time', () => {
  expect(linesOf(render(snapshot({ reload: null })), /^chimed_reload/)).toEqual(['chimed_reload_failed 0']);
});

test('a topic without a schedule has no lateness and no interval', () => {
  const topics = [topicStatus('price', { schedule: null, lastSent: null, lastGood: null })];
  expect(render(snapshot({ topics }))).not.toMatch(/_lateness_|_interval_|_timestamp_seconds{|_age_/);
});

test.each([
  ['every 250ms', '0.25'],
  ['every 1.5s +3200ms', '1.5'],
  ['every 60s aligned', '60'],
])('the interval of the schedule "%s" is %s s', (schedule, seconds) => {
  const text = render(snapshot({ topics: [topicStatus('t', { schedule })] }));
  expect(text).toContain(`\nchimed_topic_interval_seconds{topic="t"} ${seconds}\n`);
});

test('a cron schedule has no interval', () => {
  const topics = [topicStatus('t', { schedule: 'cron 0 * * * * Europe/Berlin' })];
  expect(render(snapshot({ topics }))).not.toContain('_interval_');
});

test('an age is not negative after the clock was set back', () => {
  const topics = [topicStatus('t', { lastGood: now + 60_000 })];
  expect(render(snapshot({ topics }))).toContain('\nchimed_topic_last_good_age_seconds{topic="t"} 0\n');
});

describe('numbers in payloads', () => {
  test.each<[unknown, string[]]>([
    [12.5, ['chimed_value{key=""} 12.5']],
    [true, ['chimed_value{key=""} 1']],
    [
      [0.4, false],
      ['chimed_value{key="0"} 0.4', 'chimed_value{key="1"} 0'],
    ],
    [{ cpu: [{ user: 3, name: 'cpu0', note: null }] }, ['chimed_value{key="cpu/0/user"} 3']],
    [{ 'a/b': { '~': 1e-7 } }, ['chimed_value{key="a~1b/~0"} 1e-7']],
    [
      { 'say "hi"': 1, 'C:\\': 2 },
      [String.raw`chimed_value{key="say \"hi\""} 1`, String.raw`chimed_value{key="C:\\"} 2`],
    ],
    ['12', []],
    [null, []],
    [{}, []],
  ])('%j', (data, expected) => {
    expect(valuesOf(data).filter((line) => !line.includes('left_out'))).toEqual(expected);
  });

  test('are only those of topics with metrics: true', () => {
    const values = new Map([['host.load', { data: 1 }]]);
    expect(render(snapshot(), values)).not.toContain('\nchimed_value{');
  });

  test('are left out of a stale message, and while the source fails', () => {
    const metrics = true as const;
    const topics = [
      topicStatus('fresh', { metrics }),
      topicStatus('stale', { metrics }),
      topicStatus('failing', { metrics, lastError: 'exit code 1' }),
      topicStatus('silent', { metrics }),
    ];
    const values: TopicValues = new Map([
      ['fresh', { data: 1 }],
      ['stale', { data: 1, stale: true }],
      ['failing', { data: 1 }],
    ]);
    expect(linesOf(render(snapshot({ topics }), values), /^chimed_value(s_left_out)?{/)).toEqual([
      'chimed_value{topic="fresh",key=""} 1',
      'chimed_values_left_out{topic="fresh"} 0',
    ]);
  });

  test.each<[string, unknown]>([
    ['deeper than the levels', [[[[[[[[[1]]]]]]]]]],
    ['under a key with a line break', { 'a\nb': 1 }],
    ['under a key with half a surrogate pair', { '\ud800': 1 }],
    ['under a key that turns the direction of writing', { '\u202e': 1 }],
    ['under a long key', { ['k'.repeat(limits.keyLength + 1)]: { a: { b: 1 } } }],
  ])('%s are left out and counted', (_, data) => {
    expect(valuesOf(data)).toEqual(['chimed_values_left_out{topic="t"} 1']);
  });

  test('are not of topics that the gateway does not ask for: these are counted', () => {
    const text = render(snapshot(), new Map(), { topicsLeftOut: 4 });
    expect(text).toContain('\nchimed_value_topics_left_out 4\n');
  });

  test('are at most so many of one topic', () => {
    const lines = valuesOf(Array.from({ length: limits.perTopic + 7 }, () => 1));
    expect(lines).toHaveLength(limits.perTopic + 1);
    expect(lines.at(-1)).toBe('chimed_values_left_out{topic="t"} 7');
  });

  test('of a huge payload are counted as far as it is looked at', () => {
    const lines = valuesOf(Array.from({ length: 10 * limits.parts }, () => 1));
    expect(lines.at(-1)).toBe(`chimed_values_left_out{topic="t"} ${limits.parts - limits.perTopic}`);
  });

  test('are at most so many of all topics', () => {
    const names = Array.from({ length: limits.inAll / limits.perTopic + 1 }, (_, index) => `t${index}`);
    const topics = names.map((name) => topicStatus(name, { metrics: true }));
    const data = Array.from({ length: limits.perTopic }, () => 1);
    const text = render(snapshot({ topics }), new Map(names.map((name) => [name, { data }])));
    expect(linesOf(text, /^chimed_value{/)).toHaveLength(limits.inAll);
    expect(linesOf(text, /^chimed_values_left_out/).at(-1)).toBe(
      `chimed_values_left_out{topic="${names.at(-1)}"} ${limits.perTopic}`,
    );
  });
});

describe('the older text format', () => {
  test('names counters as their samples and has no units', () => {
    const text = render(snapshot(), new Map(), { format: 'text' });
    expect(text).toContain('# TYPE chimed_connections_total counter\nchimed_connections_total 9\n');
    expect(text).not.toContain('# UNIT');
  });

  test('has the samples of OpenMetrics', () => {
    const samples = (format: MetricOptions['format']): string[] =>
      linesOf(render(snapshot(), new Map(), { ...(format && { format }) }), /^[^#]/);
    expect(samples('text')).toEqual(samples('openmetrics'));
    expect(samples('text').length).toBeGreaterThan(40);
  });

  test.each([
    [undefined, 'text'],
    ['*/*', 'text'],
    ['text/plain', 'text'],
    ['application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5', 'openmetrics'],
  ] as const)('is for clients that accept %s: %s', (accept, format) => {
    expect(metricFormatFor(accept)).toBe(format);
  });
});
