/** Holds connections for clients.ts and notes when each message arrives. */
import { connect } from 'node:net';
import { once } from 'node:events';

const [path, count] = [process.argv[2]!, Number(process.argv[3])];
let wanted = 0;
const lateness: number[] = [];
const numbers: number[][] = [];

for (let index = 0; index < count; index++) {
  const socket = connect(path);
  const seqs: number[] = [];
  numbers.push(seqs);
  socket.setEncoding('utf8').on('data', (text: string) => {
    const now = performance.timeOrigin + performance.now();
    for (const frame of text.split('\f')) {
      const { type, seq, time } = (frame === '' ? {} : JSON.parse(frame)) as {
        type?: string;
        seq: number;
        time: number;
      };
      if (type !== 'tick') continue;
      const first = seqs.length === 0;
      seqs.push(seq);
      // The first is the latest message that a client gets when it joins: its age is not lateness.
      if (!first && wanted > 0) lateness.push(now - time);
    }
  });
  await once(socket, 'connect');
  socket.write('{"type":"tick"}\f');
  await once(socket, 'data');
}

process.send!('ready');
process.once('message', ({ seconds }: { seconds: number }) => {
  wanted = seconds * count;
  const look = setInterval(() => {
    if (lateness.length < wanted) return;
    clearInterval(look);
    const gaps = numbers.reduce((sum, seqs) => sum + (seqs.at(-1)! - seqs[0]! + 1 - seqs.length), 0);
    process.send!({ lateness: lateness.slice(0, wanted), gaps });
  }, 100);
});
process.once('disconnect', () => process.exit());
