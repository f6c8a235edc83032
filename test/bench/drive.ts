/** What makes a server speak. */
export type Drive =
  /** Each topic says something once per interval, all at the same moment. */
  | { kind: 'ticks'; topics: readonly string[]; intervalMs: number }
  /** One topic, as fast as its listeners read. */
  | { kind: 'flood'; topics: readonly [string] }
  /** Topics that never say anything. */
  | { kind: 'silence'; topics: readonly string[] };

export function ticks(topicCount: number, intervalMs: number): Drive {
  return {
    kind: 'ticks',
    topics: Array.from({ length: topicCount }, (_, index) => `t.${index}`),
    intervalMs,
  };
}

export const flood: Drive = { kind: 'flood', topics: ['t.0'] };
export const silence: Drive = { kind: 'silence', topics: ['t.0'] };

/** Calls `onTick` at start + n × interval, as good servers do: what is late does not delay what follows. */
export function everyDeadline(intervalMs: number, onTick: () => void): void {
  const start = performance.now();
  let due = 1;
  const wake = (): void => {
    if (performance.now() >= start + due * intervalMs) {
      due++;
      onTick();
    }
    setTimeout(wake, Math.ceil(start + due * intervalMs - performance.now()));
  };
  setTimeout(wake, intervalMs);
}
