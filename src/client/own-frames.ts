import { ChimedError } from '../errors.ts';
import { MOST_FRAME_VALUES } from '../protocol/limits.ts';
import { refusalOf } from '../transport/frames.ts';

/**
 * Why the daemon would refuse a frame and close the connection, on which all else depends; undefined if it would not.
 * @param frame With its delimiter.
 * @param frameBytes Largest frame that the daemon accepts.
 */
export function refusalOfOwn(frame: Buffer, frameBytes: number): ChimedError | undefined {
  const length = frame.length - 1;
  if (length > frameBytes) {
    const limit = `but the daemon accepts at most ${frameBytes} (clients.frameBytes)`;
    return new ChimedError('too-large', `the frame has ${length} bytes, ${limit}`);
  }
  return refusalOf(frame.subarray(0, length), { maxBytes: Infinity, maxValues: MOST_FRAME_VALUES });
}
