import { connect } from 'node:net';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';

import { percentile } from '../../helpers/figures.ts';
import type { TestDaemon } from '../../helpers/daemon.ts';
import { RawClient } from '../../helpers/raw-client.ts';
import { Fleet } from '../fleet.ts';
import { Findings } from '../trial.ts';
import type { Trial } from '../trial.ts';

const BATCH = 1000;
const floods = {
  registrations: '{"type":"chimed.register","data":{"topics":["tick","p"]}}\f',
  publications: '{"type":"chimed.publish","data":{"topic":"p","data":1}}\f',
  knocks: '{"type":"p","data":"hello"}\f',
};

/** Sends as much as the daemon takes; returns how many requests it took, and the codes that it sent back. */
async function flood(
  daemon: TestDaemon,
  frame: string,
  ms: number,
): Promise<{ sent: number; codes: Set<string> }> {
  using client = await RawClient.connect(daemon.socket);
  const codes = new Set<string>();
  client.frames.push = ({ type, data }) => {
    if (type === 'chimed.rejected') codes.add((data as { code: string }).code);
  };
  const batch = Buffer.from(frame.repeat(BATCH));
  const until = performance.now() + ms;
  let sent = 0;
  while (performance.now() < until) {
    if (!client.socket.write(batch)) await Promise.race([once(client.socket, 'drain'), wait(ms)]);
    sent += BATCH;
  }
  return { sent, codes };
}

/** Opens and closes connections, a few at a time; returns how many were refused for their haste. */
async function openAndClose(daemon: TestDaemon, count: number): Promise<number> {
  let left = count;
  let refused = 0;
  const one = async (): Promise<void> => {
    while (left-- > 0) {
      const socket = connect(daemon.socket).on('error', () => {});
      socket.on('data', (bytes) => (refused += bytes.includes('too-fast') ? 1 : 0));
      await once(socket, 'connect');
      socket.end();
      await once(socket, 'close');
    }
  };
  await Promise.all(Array.from({ length: 10 }, one));
  return refused;
}

export const floodsTrial: Trial = {
  name: 'floods',
  holds:
    'registrations, publications and node-ipc messages as fast as a client can send, and 10,000 connections opened and closed: healthy clients keep receiving, and the rate is limited with a code',
  async run(scale) {
    const ms = scale.of(10_000, 500);
    const findings = new Findings();
    const topics = { tick: { interval: '50ms', data: 1 }, p: { publish: true } };
    await using daemon = await scale.start({ topics });
    const seen: string[] = [];
    for (const [name, frame] of Object.entries(floods)) {
      await using healthy = await Fleet.start({
        kind: 'socket',
        socket: daemon.socket,
        count: 20,
        topics: ['tick'],
      });
      const { sent, codes } = await flood(daemon, frame, ms);
      const { clients, lateness } = await healthy.report();
      const heard = clients.every(
        ({ connected, missed, violations }) => connected && missed === 0 && violations.length === 0,
      );
      findings.hold(heard, `${name}: a healthy client was harmed`);
      findings.hold(!scale.full || codes.has('too-fast'), `${name}: nothing was limited`);
      const p99 = percentile(lateness, 99).toFixed(1);
      seen.push(
        `${name}: ${Math.round(sent / (ms / 1000))}/s offered and read, p99 of the healthy ${p99} ms`,
      );
    }
    // Few may be opened a second, so that the limit is reached in both forms.
    await daemon.reload({ topics, clients: { connectionsPerSecond: scale.of(500, 5) } });
    await using healthy = await Fleet.start({
      kind: 'socket',
      socket: daemon.socket,
      count: 20,
      topics: ['tick'],
    });
    const count = scale.of(10_000, 200);
    const refused = await openAndClose(daemon, count);
    const { clients, lateness } = await healthy.report();
    findings.hold(
      clients.every(({ connected, missed }) => connected && missed === 0),
      'connections: a healthy client was harmed',
    );
    findings.hold(refused > 0, 'connections: none was refused');
    seen.push(`${count} connections, ${refused} refused: p99 ${percentile(lateness, 99).toFixed(1)} ms`);
    return { seen: seen.join('; '), failures: findings.failures };
  },
};
