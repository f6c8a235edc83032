import type { Frame } from '../../src/protocol/messages.ts';

const DELIMITER_BYTES = 1;

/** What a frame of one piece says. */
export function decodeFrame(bytes: Buffer): Frame {
  return JSON.parse(bytes.toString('utf8', 0, bytes.length - DELIMITER_BYTES)) as Frame;
}
