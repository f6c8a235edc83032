import { closeSync, fstatSync, writeSync } from 'node:fs';

import { systemCode } from '../errors.ts';
import { MSG_DONTWAIT, datagramSocket, memoryFile, seal, sendDatagram, sendDescriptor } from './libc.ts';

/** Where journald listens. */
const SOCKET = '/run/systemd/journal/socket';

/** One field of an entry: a name of A-Z, 0-9 and _, and a value that may have several lines. */
export type JournalField = readonly [name: string, value: string];

/**
 * Reports whether our stdout or stderr leads to the journal, so that what we write belongs there.
 * `$JOURNAL_STREAM` names the device and inode of the stream that systemd gave us, see systemd.exec(5).
 */
export function isJournalStream(env: Readonly<Record<string, string | undefined>> = process.env): boolean {
  return [1, 2].some((fd) => {
    const { dev, ino } = fstatSync(fd);
    return env['JOURNAL_STREAM'] === `${dev}:${ino}`;
  });
}

/**
 * Opens the journal by its native protocol, which carries fields.
 * @returns a function that sends an entry, without waiting.
 * @throws if there is no journal. The function throws what the kernel says: `EAGAIN` while the journal does
 * not keep up.
 */
export function openJournal(path = SOCKET): (fields: readonly JournalField[]) => void {
  const fd = datagramSocket();
  sendDatagram(fd, path, Buffer.alloc(0), MSG_DONTWAIT); // journald ignores it; an absent one does not.
  return (fields) => {
    const entry = Buffer.concat(fields.map(encode));
    try {
      sendDatagram(fd, path, entry, MSG_DONTWAIT);
    } catch (error) {
      if (!['EMSGSIZE', 'ENOBUFS'].includes(systemCode(error) ?? '')) throw error;
      sendAsFile(fd, path, entry);
    }
  };
}

/** An entry that no datagram holds goes as a sealed file, which the datagram carries. */
function sendAsFile(fd: number, path: string, entry: Buffer): void {
  const file = memoryFile('chimed-journal');
  try {
    writeSync(file, entry);
    seal(file);
    sendDescriptor(fd, path, file, MSG_DONTWAIT);
  } finally {
    closeSync(file);
  }
}

/** `NAME=value`, or the name, a length of eight bytes and the value, which may then have line breaks. */
function encode([name, value]: JournalField): Buffer {
  if (!value.includes('\n')) return Buffer.from(`${name}=${value}\n`);
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([Buffer.from(`${name}\n`), length, bytes, Buffer.from('\n')]);
}
