/** Topics in one frame, at most: the daemon accepts 50,000 values in a frame. */
const MOST_TOPICS = 40_000;
/** Bytes of a request beside its topics. */
const ENVELOPE_BYTES = 200;

/**
 * Splits topics into lists that each fit into one frame.
 * @param frameBytes Largest frame that the daemon accepts.
 */
export function* listsOf<T>(
  topics: readonly T[],
  frameBytes: number,
  nameOf: (topic: T) => string = String,
): Generator<T[], void> {
  let list: T[] = [];
  let bytes = ENVELOPE_BYTES;
  for (const topic of topics) {
    const more = nameOf(topic).length + '"",'.length;
    if (list.length > 0 && (bytes + more > frameBytes || list.length === MOST_TOPICS)) {
      yield list;
      [list, bytes] = [[], ENVELOPE_BYTES];
    }
    list.push(topic);
    bytes += more;
  }
  if (list.length > 0) yield list;
}
