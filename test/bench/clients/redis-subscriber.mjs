// Counts the messages of a channel: redis-subscriber.mjs SOCKET [SECONDS to sleep for each [raw, not to parse]]
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

const { createClient } = createRequire(import.meta.url)('redis');
const [path, pause = '0', how] = process.argv.slice(2);
const [parse, end] = how === 'raw' ? [String, '"end"'] : [JSON.parse, 'end'];
let count = 0;
/** The library calls back for each message as it arrives: a program that takes longer has to queue them. */
let done = Promise.resolve();

function handle(text) {
  count++;
  if (parse(text) === end) console.log(count, 0);
}

async function handleSlowly(text) {
  handle(text);
  await sleep(Number(pause) * 1000);
}

const client = createClient({ socket: { path } });
await client.connect();
await client.subscribe('bench', (text) => {
  if (pause === '0') handle(text);
  else done = done.then(() => handleSlowly(text));
});
