/** What every system carries, so that every receiver can count in the same way, and cheaply. */

/** Ends each message on every wire: chimed's and node-ipc's own frames do so anyway, others end in our payload. */
export const DELIMITER = '\f';

const PAYLOAD_BYTES = 100;
const TIME = '"at":';
/** Digits of a time, with spaces before it; JSON allows them. */
const TIME_WIDTH = 16;

/** Microseconds on the monotonic clock, which all processes of a machine share. */
export function now(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

/** A payload of about 100 bytes that carries the time at which it was made. */
export function payload(): string {
  const { at, pad } = payloadValue();
  return `{${TIME}${at},"pad":"${pad}"}`;
}

/** The same, with spaces instead of the time; the sender fills in the time. */
export function payloadTemplate(): string {
  const start = `{${TIME}${' '.repeat(TIME_WIDTH)},"pad":"`;
  return `${start.padEnd(PAYLOAD_BYTES - 2, 'x')}"}`;
}

export function payloadValue(): { at: number; pad: string } {
  const at = now();
  const pad = 'x'.repeat(PAYLOAD_BYTES - `{${TIME}${at},"pad":""}`.length);
  return { at, pad };
}

/** The time that the first message in some bytes carries. */
export function timeIn(bytes: Buffer): number {
  const start = bytes.indexOf(TIME) + TIME.length;
  return Number.parseInt(bytes.toString('latin1', start, start + 20), 10);
}

const FORM_FEED = DELIMITER.charCodeAt(0);

/** How many messages end in these bytes. A message is nearly always as long as the last: look there first. */
export function countMessages(bytes: Buffer): number {
  let count = 0;
  let length = 1;
  for (let end = bytes.indexOf(FORM_FEED); end !== -1; count++) {
    const guess = end + length;
    const next = length > 1 && bytes[guess] === FORM_FEED ? guess : bytes.indexOf(FORM_FEED, end + 1);
    length = next - end;
    end = next;
  }
  return count;
}
