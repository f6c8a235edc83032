/** What is used of /proc/PID/stat. */
export interface ProcessStat {
  name: string;
  /** One letter, such as `S`. */
  state: string;
  threads: number;
  /** CPU time, user and system, in clock ticks. */
  cpuTicks: number;
  /** When the process started, in clock ticks since boot: tells it from an earlier one with the same pid. */
  startTicks: number;
  /** Resident memory, in pages. */
  pages: number;
}

const SPACE = 0x20;
const OPENING = 0x28;
const CLOSING = 0x29;
const ZERO = 0x30;
const NINE = 0x39;
/** Numbers of the fields in proc(5). */
const STATE = 3;
const USER = 14;
const SYSTEM = 15;
const THREADS = 20;
const START = 22;
const RESIDENT = 24;

/** Parses the first `length` bytes, without a string for each field: this is done for every process. */
export function parseStat(bytes: Buffer, length: number): ProcessStat {
  // A name can have spaces and parentheses: it ends at the last one.
  const nameEnd = bytes.lastIndexOf(CLOSING, length - 1);
  const stateAt = nameEnd + 2;
  const numbers: number[] = [];
  let field = STATE;
  let number = 0;
  for (let at = stateAt; at < length && field <= RESIDENT; at++) {
    const byte = bytes[at]!;
    if (byte === SPACE) {
      numbers[field++] = number;
      number = 0;
    } else if (byte >= ZERO && byte <= NINE) number = number * 10 + byte - ZERO;
  }
  if (nameEnd < 0 || field <= RESIDENT) throw new Error('a file /proc/PID/stat has too few fields');
  return {
    name: bytes.toString('utf8', bytes.indexOf(OPENING) + 1, nameEnd),
    state: String.fromCharCode(bytes[stateAt]!),
    threads: numbers[THREADS]!,
    cpuTicks: numbers[USER]! + numbers[SYSTEM]!,
    startTicks: numbers[START]!,
    pages: numbers[RESIDENT]!,
  };
}
