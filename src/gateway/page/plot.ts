import UPlot from 'uplot';

import { element, setText } from './elements.ts';
import { axisNumber, clock, shortNumber } from './wording.ts';
import type { Points } from './points.ts';
import type { PageTopic } from './topic-model.ts';

const HEIGHT = 240;
/** Seconds between marks of the time axis: whole ones, since its labels have no fractions. */
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 10_800, 21_600, 86_400, 604_800];

/** The plot of a topic's numbers over time. A gap is where messages were missed or the source failed. */
export class Plot {
  readonly figure = element('figure', { class: 'plot' });
  readonly #topic: PageTopic;
  readonly #place = element('div', { class: 'canvas' });
  readonly #legend = element('ul', { class: 'legend' });
  readonly #empty = element('p', { class: 'empty' });
  readonly #sizes = new ResizeObserver(() => this.#resize());
  #plot: UPlot | undefined;
  /** What was plotted: another payload has other numbers. */
  #points: Points | undefined;
  /** Index of the point under the pointer. */
  #cursor: number | null = null;

  constructor(topic: PageTopic) {
    this.#topic = topic;
    this.#place.role = 'img';
    this.figure.append(this.#place, this.#legend, this.#empty);
    this.#sizes.observe(this.#place);
  }

  draw(): void {
    const { points, paths, latest } = this.#topic;
    const isEmpty = paths.length === 0;
    setText(this.#empty, latest ? 'There are no numbers in this payload to plot.' : 'Nothing to plot yet.');
    this.#place.hidden = isEmpty;
    this.#legend.hidden = isEmpty;
    this.#empty.hidden = !isEmpty;
    if (isEmpty) return;
    if (this.#points !== points) this.rebuild();
    else this.#plot?.setData(tableOf(points));
    this.#drawLegend();
  }

  rebuild(): void {
    this.#plot?.destroy();
    this.#plot = undefined;
    this.#points = this.#topic.points;
    if (this.#topic.paths.length === 0) return;
    this.#legend.replaceChildren(
      ...this.#topic.paths.map((path, which) =>
        element(
          'li',
          { class: `series-${which}` },
          element('span', { class: 'swatch' }),
          element('span', { class: 'label', text: path === '' ? 'value' : path }),
          element('span', { class: 'number' }),
        ),
      ),
    );
    const width = this.#place.clientWidth;
    if (width === 0) return; // It is not in the page yet: the observer comes back to it.
    this.#plot = new UPlot(this.#options(width), tableOf(this.#points), this.#place);
  }

  remove(): void {
    this.#sizes.disconnect();
    this.#plot?.destroy();
  }

  #resize(): void {
    const width = this.#place.clientWidth;
    if (width === 0) return;
    if (this.#plot) this.#plot.setSize({ width, height: HEIGHT });
    else if (this.#points) this.rebuild();
  }

  /** Canvas has no style sheet: the colours are those that the style sheet gives to the legend and the figure. */
  #options(width: number): UPlot.Options {
    const style = getComputedStyle(this.figure);
    const grid = { stroke: style.borderTopColor, width: 1 };
    const axis = { stroke: style.color, font: '12px system-ui, sans-serif', grid, ticks: { show: false } };
    const items = [...this.#legend.children];
    return {
      width,
      height: HEIGHT,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false } },
      axes: [
        {
          ...axis,
          size: 28,
          incrs: TIME_STEPS,
          values: (_, times) => times.map((seconds) => clock(seconds * 1000)),
        },
        { ...axis, size: 56, values: (_, splits) => splits.map(axisNumber) },
      ],
      series: [
        {},
        ...items.map((item) => {
          const { color } = getComputedStyle(item);
          return { stroke: color, width: 1.5, points: { show: isSparse, size: 5, fill: color } };
        }),
      ],
      hooks: {
        setCursor: [
          ({ cursor }) => {
            this.#cursor = cursor.idx ?? null;
            this.#drawLegend();
          },
        ],
      },
    };
  }

  #drawLegend(): void {
    const { points, paths } = this.#topic;
    if (points.length === 0 || this.#legend.children.length !== paths.length) return;
    const at = this.#cursor !== null && this.#cursor < points.length ? this.#cursor : lastKnown(points);
    const values = paths.map((_, which) => points.number(which, at));
    for (const [which, value] of values.entries())
      setText(this.#legend.children[which]!.lastChild!, value === null ? '–' : shortNumber(value));
    const spoken = paths.map(
      (path, which) => `${path === '' ? 'value' : path} ${values[which] ?? 'unknown'}`,
    );
    this.#place.ariaLabel = `Plot of the last ${points.length} points. Latest: ${spoken.join(', ')}`;
  }
}

function tableOf(points: Points): UPlot.AlignedData {
  const rows = Array.from({ length: points.length }, (_, index) => index);
  return [
    rows.map((index) => points.time(index) / 1000),
    ...Array.from({ length: points.width }, (_, which) => rows.map((index) => points.number(which, index))),
  ];
}

/** A point between two gaps makes no line, and a few make a short one. */
const isSparse = (plot: UPlot): boolean => plot.data[0].length <= 30;

function lastKnown(points: Points): number {
  for (let index = points.length - 1; index > 0; index -= 1)
    if (points.number(0, index) !== null) return index;
  return 0;
}
