/* One hostile user: holds connections that do what an attack says. Started by hostile.ts, as another user if it can be. */
import { connect } from 'node:net';

import { attacks, pump } from './attacks.ts';
import type { Attack } from './attacks.ts';

const { socket, attack, count, uid } = JSON.parse(process.argv[2]!) as {
  socket: string;
  attack: keyof typeof attacks;
  count: number;
  uid?: number;
};
if (uid !== undefined) {
  process.setgroups!([]);
  process.setgid!(uid);
  process.setuid!(uid);
}
const { first, again, deaf, restless }: Attack = attacks[attack];
const bytes = again === undefined ? undefined : Buffer.from(again);
let connections = 0;
let ready = false;

function open(): void {
  const peer = connect(socket);
  let over = false;
  const next = (): void => {
    if (!over) setImmediate(open);
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

for (let index = 0; index < count; index++) open();
