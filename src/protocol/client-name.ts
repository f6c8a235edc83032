/** Characters of a client's name, and of the id of a request. */
export const LONGEST_NAME = 100;
/** What the name of a client must be. */
export const NAME = `a text of at most ${LONGEST_NAME} characters, none of them a control character`;

/** Reports whether a value can be the name of a client. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= LONGEST_NAME && !/\p{Cc}/u.test(value);
}
