import { styleText } from 'node:util';

/** Colours on a terminal, none elsewhere. */
export interface Colors {
  dim(text: string): string;
  name(text: string): string;
  bad(text: string): string;
  heading(text: string): string;
}

export function colorsFor(stream: NodeJS.WriteStream): Colors {
  // styleText itself asks the stream, NO_COLOR and FORCE_COLOR.
  const paint = (style: Parameters<typeof styleText>[0]) => (text: string) =>
    styleText(style, text, { stream });
  return { dim: paint('dim'), name: paint('cyan'), bad: paint('red'), heading: paint('bold') };
}
