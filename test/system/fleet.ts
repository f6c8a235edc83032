/*
 * node fleet.ts COUNT PATTERN: connects that many clients. Prints a line when all are registered, another each
 * time that all are registered again, and a report when its standard input ends.
 */
import { connect } from '../../src/index.ts';
import type { Client } from '../../src/index.ts';

const [count = '1', pattern = '>'] = process.argv.slice(2);

const report = {
  messages: 0,
  /** What clients were told that they missed. */
  missed: 0,
  /** Messages that are missing without a word. */
  gaps: 0,
  /** Registrations after which the numbering began again. */
  begunAgain: 0,
  /** Why attempts to connect failed, other than by the end of a connection that there was. */
  refusals: [] as string[],
  /** Longest time from the loss of a connection to the next registration, in milliseconds. */
  slowestReturnMs: 0,
};
let ready = 0;

const clients = Array.from({ length: Number(count) }, (_, index) => {
  const client = connect({ name: `fleet ${index}` });
  follow(client);
  void hear(client);
  return client;
});

function follow(client: Client): void {
  let lostAt: number | undefined;
  client.on('state', (state) => {
    if (state.status === 'waiting') {
      if (lostAt === undefined) ready--;
      else report.refusals.push(state.error.message);
      lostAt ??= performance.now();
    } else if (state.status === 'ready') {
      if (lostAt !== undefined) {
        report.slowestReturnMs = Math.max(report.slowestReturnMs, performance.now() - lostAt);
        if (!state.resumed) report.begunAgain++;
      }
      lostAt = undefined;
      if (++ready === clients.length) process.stdout.write('all are ready\n');
    }
  });
}

async function hear(client: Client): Promise<void> {
  const heard = new Map<string, { seq: number; instance: string }>();
  for await (const { topic, seq, instance, missed } of client.listen(pattern)) {
    const last = heard.get(topic);
    report.messages++;
    report.missed += missed;
    if (last?.instance === instance && seq !== last.seq + 1 + missed) report.gaps++;
    heard.set(topic, { seq, instance });
  }
}

process.stdin.resume().on('end', () => {
  process.stdout.write(`${JSON.stringify(report)}\n`);
  for (const client of clients) void client.close();
});
