import { spawnSync } from 'node:child_process';

const WRITER = '/lib/systemd/systemd-journal-remote';
/** When the boot of the entries was, in microseconds since the epoch. */
const BOOTED = Date.now() * 1000 - 1e9;

/** The programs without which there can be no journal here. */
export const journalPrograms = [WRITER, 'journalctl'];

/** Writes entries to a file of a journal, each with a number, written now, and with the fields that it is given. */
export function writeEntries(file: string, numbers: readonly number[], fields: object = {}): void {
  const now = Date.now() * 1000;
  const entries = numbers.map((number) => {
    const entry = {
      __REALTIME_TIMESTAMP: now + number,
      __MONOTONIC_TIMESTAMP: now + number - BOOTED,
      _BOOT_ID: '1'.repeat(32),
      MESSAGE: `entry ${number}`,
      PRIORITY: 4,
      SYSLOG_IDENTIFIER: 'nginx',
      _SYSTEMD_UNIT: 'nginx.service',
      _PID: 500,
      ...fields,
    };
    return Buffer.concat(Object.entries(entry).map(([name, value]) => exported(name, value)));
  });
  const input = Buffer.concat(entries.flatMap((entry) => [entry, Buffer.from('\n')]));
  const { status, stderr } = spawnSync(WRITER, [`--output=${file}`, '-'], { input, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${WRITER} ended with ${status}: ${stderr}`);
}

/** A field in the journal's export format: bytes that cannot be printed have their length before them. */
function exported(name: string, value: unknown): Buffer {
  if (!Buffer.isBuffer(value)) return Buffer.from(`${name}=${value}\n`);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(value.length));
  return Buffer.concat([Buffer.from(`${name}\n`), length, value, Buffer.from('\n')]);
}
