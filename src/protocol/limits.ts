/** The largest payload that a topic may have. */
export const LARGEST_PAYLOAD_BYTES = 64 * 1024 * 1024;

/** The largest frame that a client takes, lest a wrong peer fill its memory: room for the topic, number and time, too. */
export const LARGEST_FRAME_BYTES = LARGEST_PAYLOAD_BYTES + 4096;

/** The most values (lists, objects, strings, numbers, keys) in a frame from a client: parsing it takes some 5 ms. */
export const MOST_FRAME_VALUES = 50_000;

/** Topics, clients and users that a page of the status lists. */
export const STATUS_PAGE = 200;
