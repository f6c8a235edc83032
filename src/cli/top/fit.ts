import stringWidth from 'string-width';

import { printable } from '../printable.ts';

const segmenter = new Intl.Segmenter();

/** Text from elsewhere for one line of the screen: it commands nothing, and each character has its width. */
export function screenText(text: string): string {
  return printable(text).replaceAll('\t', ' ');
}

/** A text in exactly `width` columns: filled up with spaces, or cut. */
export function fit(text: string, width: number, toTheRight = false): string {
  const cut = cutTo(text, width);
  const spaces = ' '.repeat(Math.max(width - stringWidth(cut), 0));
  return toTheRight ? spaces + cut : cut + spaces;
}

/** A text in at most `width` columns; `…` ends one that was cut. */
export function cutTo(text: string, width: number): string {
  // Nothing is wider than two columns, and most text is short.
  if (text.length * 2 <= width || stringWidth(text) <= width) return text;
  if (width < 1) return '';
  return `${[...pieces(text, width - 1)][0] ?? ''}…`;
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
