/** Characters that are shown of a text which a peer chose: enough to recognise it, too few to fill a log. */
const LONGEST_EXCERPT = 60;

/** The beginning of a text, with an ellipsis if something was cut off. */
export function clipped(text: string, length = LONGEST_EXCERPT): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
