import type { Frame } from '../../src/protocol/messages.ts';

const DELIMITER = '\f';

/** What a frame of one piece says. */
export function decodeFrame(bytes: Buffer): Frame {
  return JSON.parse(bytes.toString('utf8', 0, bytes.length - DELIMITER.length)) as Frame;
}
