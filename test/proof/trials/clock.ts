import { globSync, renameSync, writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

import type { Frame } from '../../../src/protocol/messages.ts';
import { startDaemon } from '../../helpers/daemon.ts';
import { temporaryFolder } from '../../helpers/folder.ts';
import type { Folder } from '../../helpers/folder.ts';
import { Findings } from '../trial.ts';
import type { Scale, Trial } from '../trial.ts';

/** Lets us set the clock of one process; Debian's package is called faketime. */
const [library] = globSync('/usr/lib/*/faketime/libfaketime.so.1');
const HOUR_S = 3600;
/** How long before a cron time the clock is set, in seconds. */
const BEFORE_S = 2;

/** In Berlin on 28 March 2027, 2:00 becomes 3:00; on 31 October, 3:00 becomes 2:00. */
const timezone = 'Europe/Berlin';
const changes = [
  { what: '2:30 left out', at: '2027-03-28T01:00:00Z', daily: true },
  { what: 'the first 2:30', at: '2027-10-31T00:30:00Z', daily: true, hourly: true },
  { what: 'the second 2:30', at: '2027-10-31T01:30:00Z', daily: false, hourly: true },
];

export const clock: Trial = {
  name: 'clock',
  holds:
    'the wall clock is stepped by an hour in both directions, and to just before a cron time: intervals do not move, aligned ticks are at multiples of their interval on the new clock, the cron time is met; cron across both changes of daylight-saving time as documented',
  async run(scale) {
    if (!library) return { seen: 'SKIPPED: it needs libfaketime (apt-get install faketime)', failures: [] };
    const stayMs = scale.of(10_000, 1500);
    const findings = new Findings();
    await Promise.all(changes.map((change) => acrossChange(change, findings, scale)));
    using folder = temporaryFolder();
    const { step, env } = settableClock(folder);
    const topics = {
      steady: { interval: '100ms', data: 1 },
      aligned: { interval: '200ms', align: true, data: 1 },
      hourly: { cron: '0 * * * *', data: 1 },
    };
    await using daemon = await startDaemon({ topics }, { folder, env });
    using client = await daemon.raw();
    client.send('chimed.register', { topics: ['steady', 'aligned', 'hourly'] });
    const arrivals: number[] = [];
    const push = client.frames.push.bind(client.frames);
    client.frames.push = (frame) => {
      if (frame.type === 'steady') arrivals.push(performance.now());
      push(frame);
    };
    for (const seconds of [0, HOUR_S, -HOUR_S]) {
      step(seconds);
      await wait(stayMs);
    }
    const heard = (topic: string): Frame[] => client.frames.items.filter(({ type }) => type === topic);
    const steady = heard('steady');
    const jumps = steady
      .map(({ time }, index) => (index === 0 ? 0 : time! - steady[index - 1]!.time!))
      .filter((jump) => Math.abs(jump) > 60_000);
    findings.hold(jumps.length === 2, `the daemon's clock was stepped ${jumps.length} times, not twice`);
    const gaps = arrivals.map((at, index) => (index < 2 ? 100 : at - arrivals[index - 1]!));
    const worst = Math.max(...gaps.map((gap) => Math.abs(gap - 100)));
    findings.hold(worst < scale.of(50, 10_000), `an interval of 100 ms was off by ${worst.toFixed(0)} ms`);
    const expected = (3 * stayMs) / 100;
    findings.hold(
      Math.abs(steady.length - expected) <= scale.of(3, 0.75 * expected),
      `${steady.length} ticks, ${expected} were due`,
    );
    // The first is the one that a client gets as it joins.
    const offMs = heard('aligned')
      .slice(1)
      .map(({ time }) => time! % 200);
    const late = Math.max(...offMs);
    findings.hold(!scale.full || late < 50, `an aligned tick was ${late} ms off`);
    const hour = Math.ceil(Date.now() / (HOUR_S * 1000)) * HOUR_S;
    const before = client.frames.items.length;
    step(hour - Date.now() / 1000 - BEFORE_S);
    const met = await client.frames.find(({ type }) => type === 'hourly', before);
    const metMs = met.time! - hour * 1000;
    findings.hold(metMs >= 0 && metMs < scale.of(200, 10_000), `0 * * * * came ${metMs} ms after the hour`);
    return {
      seen: `${steady.length} of ${expected} ticks of 100 ms, none off by more than ${worst.toFixed(1)} ms; ${offMs.length} aligned ticks, at most ${late} ms after their multiple; clock stepped by +3600 s and -7200 s, and to ${BEFORE_S} s before an hour, which came ${metMs} ms late; cron at ${changes.map(({ what }) => what).join(', ')} as documented`,
      failures: findings.failures,
    };
  },
};

/** A clock for a daemon in this folder, and the variables by which it goes; `step` sets it, in seconds from the true time. */
function settableClock(folder: Folder): { step: (seconds: number) => void; env: NodeJS.ProcessEnv } {
  const file = folder.file('offset');
  const step = (seconds: number): void => {
    writeFileSync(`${file}.new`, `${seconds >= 0 ? '+' : ''}${seconds}\n`);
    renameSync(`${file}.new`, file);
  };
  step(0);
  const env = {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
  return { step, env };
}

/** Starts a daemon shortly before a moment and looks which of its cron topics tick then. */
async function acrossChange(
  { what, at, daily, hourly }: (typeof changes)[number],
  findings: Findings,
  scale: Scale,
): Promise<void> {
  using folder = temporaryFolder();
  const { step, env } = settableClock(folder);
  const moment = Date.parse(at);
  step((moment - Date.now()) / 1000 - scale.of(5, 10));
  const topics = {
    daily: { cron: '30 2 * * *', timezone, data: 1 },
    hourly: { cron: '30 * * * *', timezone, data: 1 },
    clock: { interval: '100ms', data: 1 },
  };
  await using daemon = await startDaemon({ topics }, { folder, env });
  using client = await daemon.raw();
  client.send('chimed.register', { topics: ['>'] });
  await client.frames.find(({ type, time }) => type === 'clock' && time! > moment + 500);
  const ticked = (topic: string): boolean =>
    client.frames.items.some(({ type, time }) => type === topic && time! >= moment);
  findings.hold(
    client.frames.items.some(({ time }) => time! < moment),
    `${what}: it started too late`,
  );
  findings.hold(ticked('daily') === daily, `${what}: 30 2 * * * ${daily ? 'did not tick' : 'ticked'}`);
  if (hourly) findings.hold(ticked('hourly'), `${what}: 30 * * * * did not tick`);
}
