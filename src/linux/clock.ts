import koffi from 'koffi';

import { SystemError } from './system-error.ts';

/** `struct timex` where `long` has 64 bits, and some fields in it. */
const TIMEX_BYTES = 208;
const OFFSET_AT = 8;
const MAX_ERROR_AT = 24;
const STATUS_AT = 40;
const STA_UNSYNC = 0x40;
/** `offset` is in nanoseconds, not in microseconds. */
const STA_NANO = 0x2000;

if (!['x64', 'arm64', 'riscv64', 'ppc64', 's390x', 'loong64'].includes(process.arch))
  throw new Error('the clock can be read on 64-bit machines only');

const adjtimex = koffi.load(null).func('int adjtimex(_Inout_ void *timex)');

/** How far the machine's clock can be trusted, as the kernel knows from whoever sets it. */
export interface ClockQuality {
  synchronised: boolean;
  /** The clock is wrong by no more than this, in milliseconds. */
  maxErrorMs: number;
}

export interface ClockReading extends ClockQuality {
  /** What the kernel still has to correct, in milliseconds. */
  offsetMs: number;
}

/** adjtimex(2), which only asks. @throws {SystemError} `EPERM` where a sandbox forbids it. */
export function readClock(): ClockReading {
  const timex = Buffer.alloc(TIMEX_BYTES);
  if ((adjtimex(timex) as number) < 0) throw new SystemError('adjtimex');
  const status = timex.readInt32LE(STATUS_AT);
  const long = (at: number): number => Number(timex.readBigInt64LE(at));
  return {
    synchronised: (status & STA_UNSYNC) === 0,
    maxErrorMs: long(MAX_ERROR_AT) / 1000,
    offsetMs: long(OFFSET_AT) / (status & STA_NANO ? 1_000_000 : 1000),
  };
}

/** What machines of a fleet tell each other. @throws as `readClock`. */
export function clockQuality(): ClockQuality {
  const { synchronised, maxErrorMs } = readClock();
  return { synchronised, maxErrorMs };
}
