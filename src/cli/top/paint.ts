import { styleText } from 'node:util';

import { colorsFor } from '../colors.ts';
import type { Colors } from '../colors.ts';

export interface Paint extends Colors {
  selected(text: string): string;
}

const same = (text: string): string => text;
/** Without colour, a mark shows the selection. */
export const plainPaint: Paint = { dim: same, name: same, bad: same, heading: same, selected: same };

/** @param color False for `--no-color`; otherwise the stream and the environment decide. */
export function paintFor(stream: NodeJS.WriteStream, color: boolean): Paint {
  if (!color) return plainPaint;
  return { ...colorsFor(stream), selected: (text) => styleText('inverse', text, { stream }) };
}
