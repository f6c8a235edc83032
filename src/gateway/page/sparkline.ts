import { setText } from './elements.ts';
import { shortNumber } from './wording.ts';
import type { Points } from './points.ts';

const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 96;
const HEIGHT = 24;
/** Points that fit: about one for each two pixels. Fewer are spread over the width. */
const MOST_SHOWN = 60;
/** Room for the line's own width, and for the dot at its end. */
const MARGIN = 3;

/** A small line of one number. */
export class Sparkline {
  readonly figure = document.createElement('span');
  readonly #label = document.createElement('span');
  readonly #picture = document.createElementNS(SVG, 'svg');
  readonly #line = document.createElementNS(SVG, 'path');
  readonly #dot = document.createElementNS(SVG, 'circle');

  constructor(which: number) {
    this.figure.className = `sparkline series-${which}`;
    this.#label.className = 'label';
    this.#label.ariaHidden = 'true';
    this.#picture.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    this.#picture.setAttribute('role', 'img');
    this.#dot.setAttribute('r', '2');
    this.#picture.append(this.#line, this.#dot);
    this.figure.append(this.#label, this.#picture);
  }

  draw(path: string, points: Points, which: number): void {
    const shown = shape(points, which);
    setText(this.#label, path);
    this.#label.hidden = path === '';
    this.#line.setAttribute('d', shown.line);
    this.#dot.setAttribute('cx', shown.x.toFixed(1));
    this.#dot.setAttribute('cy', shown.y.toFixed(1));
    const name = path === '' ? 'Trend' : path;
    this.#picture.setAttribute(
      'aria-label',
      `${name}: ${shortNumber(shown.last)}, from ${shortNumber(shown.least)} to ${shortNumber(shown.most)}`,
    );
  }
}

/** The line of the last points, interrupted where the number is unknown; and where it ends. */
function shape(
  points: Points,
  which: number,
): { line: string; x: number; y: number; last: number; least: number; most: number } {
  const first = Math.max(0, points.length - MOST_SHOWN);
  let [least, most] = [Infinity, -Infinity];
  for (let index = first; index < points.length; index += 1) {
    const number = points.number(which, index);
    if (number === null) continue;
    least = Math.min(least, number);
    most = Math.max(most, number);
  }
  const step = (WIDTH - 2 * MARGIN) / Math.max(1, points.length - 1 - first);
  const height = HEIGHT - 2 * MARGIN;
  // A number that stays the same is a line in the middle.
  const scale = most > least ? height / (most - least) : 0;
  const base = most > least ? HEIGHT - MARGIN : HEIGHT / 2;
  let [line, x, y, last, isOpen] = ['', 0, 0, Number.NaN, false];
  for (let index = first; index < points.length; index += 1) {
    const number = points.number(which, index);
    if (number === null) {
      isOpen = false;
      continue;
    }
    x = WIDTH - MARGIN - (points.length - 1 - index) * step;
    y = base - (number - least) * scale;
    line += `${isOpen ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
    isOpen = true;
    last = number;
  }
  return { line, x, y, last, least, most };
}
