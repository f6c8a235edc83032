/**
 * Many clients of one daemon in one process: `stream-listeners.ts SOCKET COUNT TOPIC…`. All read what they are sent; the
 * first one also reads the time that each line carries. On SIGTERM it prints how late they were, in milliseconds.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

import { percentile } from '../../helpers/figures.ts';

const [path = '', count = '', ...topics] = process.argv.slice(2);
const buffer = Buffer.alloc(65_536);
const late: number[] = [];
let rest = '';

function read(text: string): void {
  const now = Number(process.hrtime.bigint()) / 1e6;
  const frames = (rest + text).split('\f');
  rest = frames.pop()!;
  for (const frame of frames) {
    const { type, data } = JSON.parse(frame) as { type: string; data: unknown };
    if (type === topics[0] && typeof data === 'number') late.push(now - data);
  }
}

async function listen(index: number): Promise<Socket> {
  const callback = (length: number): boolean => {
    if (index === 0) read(buffer.toString('utf8', 0, length));
    return true;
  };
  const socket = connect({ path, onread: { buffer, callback } });
  await once(socket, 'connect');
  socket.write(`${JSON.stringify({ type: 'chimed.register', data: { topics } })}\f`);
  return socket;
}

for (let index = 0; index < Number(count); index++) await listen(index);
console.log('ready');
process.once('SIGTERM', () => {
  const figures = { heard: late.length, p50: percentile(late, 50), p99: percentile(late, 99) };
  console.log(JSON.stringify({ ...figures, max: late.reduce((one, other) => Math.max(one, other), 0) }));
  process.exit();
});
