/** 300 ticks of 100 ms: how far chimed's ticker and setInterval are from where tick 300 belongs. */
import { Ticker } from '../../src/daemon/ticker.ts';
import { percentile } from './figures.ts';

const TICKS = 300;
const INTERVAL_MS = 100;
const schedule = { kind: 'interval', intervalMs: INTERVAL_MS, align: false } as const;

function measure(start: (onTick: (skipped: number) => void) => () => void): Promise<object> {
  const { promise, resolve } = Promise.withResolvers<object>();
  const begin = performance.now();
  const late: number[] = [];
  let due = 0;
  const stop = start((skipped) => {
    late.push(performance.now() - begin - (due + 1) * INTERVAL_MS);
    due += 1 + skipped;
    if (due < TICKS) return;
    stop();
    // What is left of the lateness when the noise of single ticks is taken out: the best of the last ten.
    const drift = Math.min(...late.slice(-10)) - Math.min(...late.slice(0, 10));
    resolve({
      'drift ms': Number(drift.toFixed(2)),
      'p99 late ms': percentile(late, 99),
      'worst ms': percentile(late, 100),
    });
  });
  return promise;
}

const [chimed, interval] = await Promise.all([
  measure((onTick) => {
    const ticker = new Ticker(schedule, ({ skipped }) => onTick(skipped));
    ticker.start();
    return () => ticker.stop();
  }),
  measure((onTick) => {
    const timer = setInterval(() => onTick(0), INTERVAL_MS);
    return () => clearInterval(timer);
  }),
]);
console.table({ chimed, setInterval: interval });
