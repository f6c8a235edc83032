// Counts the messages of a topic: chimed-subscriber.mjs SOCKET [SECONDS to sleep for each]
import { setTimeout as sleep } from 'node:timers/promises';

import { connect } from '../../../dist/index.js';

const [socket, pause = '0'] = process.argv.slice(2);
let [count, missed] = [0, 0];
for await (const message of connect({ socket }).listen('bench')) {
  count++;
  missed += message.missed;
  if (message.data === 'end') console.log(count, missed);
  else if (pause !== '0') await sleep(Number(pause) * 1000);
}
