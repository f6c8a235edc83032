import stringWidth from 'string-width';

import { printable } from '../printable.ts';

const segmenter = new Intl.Segmenter();

/** Text from elsewhere for one line of the screen: it commands nothing, and each character has its width. */
export function screenText(text: string): string {
  return printable(text).replaceAll('\t', ' ');
}

/** A character other than the usual ones of one column: ASCII, the bars of a trend, and `…`. */
const UNUSUAL = /[^ -~▁-█…]/;

/** Columns of a text. Most text is usual, and splitting other text into its characters takes long. */
function widthOf(text: string): number {
  return UNUSUAL.test(text) ? stringWidth(text) : text.length;
}

/** A text in exactly `width` columns: filled up with spaces, or cut. */
export function fit(text: string, width: number, toTheRight = false): string {
  const cut = cutTo(text, width);
  const spaces = ' '.repeat(Math.max(width - widthOf(cut), 0));
  return toTheRight ? spaces + cut : cut + spaces;
}

/** A text in at most `width` columns; `…` ends one that was cut. */
export function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  if (width < 1) return '';
  const kept = UNUSUAL.test(text) ? pieces(text, width - 1).next().value : text.slice(0, width - 1);
  return `${kept ?? ''}…`;
}

/** A text in lines of at most `width` columns. */
export function* pieces(text: string, width: number): Generator<string> {
  let line = '';
  let used = 0;
  for (const { segment } of segmenter.segment(text)) {
    const columns = stringWidth(segment);
    if (used + columns > width) {
      yield line;
      line = '';
      used = 0;
    }
    line += segment;
    used += columns;
  }
  yield line;
}
