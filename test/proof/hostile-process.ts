/* One hostile user: holds connections, each of which attacks in one way. Started by hostile.ts, as another user if it can be. */
import { connect } from 'node:net';

import { attacks, pump } from './attacks.ts';
import type { Attack, Way } from './attacks.ts';

const { socket, ways, count, uid } = JSON.parse(process.argv[2]!) as {
  socket: string;
  ways: Way[];
  count: number;
  uid?: number;
};
if (uid !== undefined) {
  process.setgroups!([]);
  process.setgid!(uid);
  process.setuid!(uid);
}
let connections = 0;
let ready = false;

function open(way: Attack, bytes: Buffer | undefined): void {
  const { first, deaf, restless } = way;
  const peer = connect(socket);
  let over = false;
  const next = (): void => {
    if (!over) setImmediate(open, way, bytes);
    over = true;
  };
  peer.on('connect', () => {
    if (++connections >= count && !ready) {
      ready = true;
      process.send!('ready');
    }
    if (first !== undefined) peer.write(first);
    if (bytes) pump(peer, bytes);
    if (restless) peer.end();
  });
  peer.on('error', next).on('close', next);
  if (deaf) peer.pause();
  else peer.resume();
}

const all = ways.map((way): Attack => attacks[way]);
const bytes = all.map(({ again }) => (again === undefined ? undefined : Buffer.from(again)));
for (let index = 0; index < count; index++) open(all[index % all.length]!, bytes[index % all.length]);
