import { buffer } from 'node:stream/consumers';

import { ChimedError, messageOf } from '../errors.ts';
import { LARGEST_PAYLOAD_BYTES } from '../protocol/limits.ts';
import { decodeUtf8 } from '../text.ts';

/** All of standard input, as text. */
export async function readInput(): Promise<string> {
  return decoded(await buffer(bounded(process.stdin)), 'the data on stdin');
}

/** The lines of standard input, as they come, without their ends. The last one need not have one. */
export async function* inputLines(): AsyncGenerator<string> {
  let number = 0;
  const text = (line: Buffer): string => decoded(line, `line ${number} on stdin`).replace(/\r$/, '');
  let parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    let rest = chunk;
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      number++;
      yield text(Buffer.concat([...parts, rest.subarray(0, end)]));
      [parts, bytes] = [[], 0];
      rest = rest.subarray(end + 1);
    }
    parts.push(rest);
    bytes += rest.length;
    if (bytes > LARGEST_PAYLOAD_BYTES) throw tooLarge(`line ${number + 1} on stdin`);
  }
  number++;
  if (bytes > 0) yield text(Buffer.concat(parts));
}

/** What no client could hear is not read to its end, which may never come. */
async function* bounded(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > LARGEST_PAYLOAD_BYTES) throw tooLarge('the data on stdin');
    yield chunk;
  }
}

function decoded(bytes: Buffer, what: string): string {
  try {
    return decodeUtf8(bytes);
  } catch (error) {
    throw new ChimedError('bad-request', `${what} cannot be sent: ${messageOf(error)}`, { cause: error });
  }
}

function tooLarge(what: string): ChimedError {
  return new ChimedError('too-large', `${what} is larger than 64 MiB; publish less at a time`);
}
