import { element, setText } from './elements.ts';
import { spanOfTime } from './wording.ts';
import { Sparkline } from './sparkline.ts';
import type { PageTopic } from './topic-model.ts';
import { ValueCell, missedText } from './value-cell.ts';

/** Sparklines in a row; the plot has all numbers. */
const MOST_SPARKLINES = 3;

/** The row of one topic. */
export class TopicRow {
  readonly topic: PageTopic;
  readonly row = element('tr', { attributes: { role: 'row' } });
  /** Opens the detail. */
  readonly button: HTMLButtonElement;
  /** Only rows that can be seen are drawn. */
  isVisible = false;
  /** Something has changed since it was drawn. */
  isDue = true;
  readonly #schedule = element('td', { class: 'schedule', attributes: { role: 'cell' } });
  readonly #value = new ValueCell();
  readonly #trend = element('td', { class: 'trend', attributes: { role: 'cell' } });
  readonly #age = element('td', { class: 'age', attributes: { role: 'cell' } });
  readonly #ageText = element('span');
  readonly #missed = element('span', { class: 'missed' });
  readonly #sparklines: Sparkline[] = [];
  readonly #more = element('span', { class: 'more' });

  constructor(topic: PageTopic) {
    this.topic = topic;
    this.button = element('button', {
      text: topic.name,
      class: 'name',
      attributes: { type: 'button', 'aria-expanded': 'false' },
    });
    const head = element('th', { attributes: { role: 'rowheader', scope: 'row' } }, this.button);
    this.#age.append(this.#ageText, this.#missed);
    this.row.append(head, this.#schedule, this.#value.cell, this.#trend, this.#age);
  }

  draw(now: number): void {
    this.isDue = false;
    const { topic } = this;
    this.row.classList.toggle('failing', topic.failure !== undefined);
    setText(this.#schedule, scheduleText(topic));
    this.#value.draw(topic);
    this.#drawTrend();
    this.drawAge(now);
    const missed = missedText(topic);
    setText(this.#missed, missed);
    this.#missed.hidden = missed === '';
  }

  drawAge(now: number): void {
    const { latest } = this.topic;
    setText(this.#ageText, latest ? spanOfTime(now - latest.time) : '–');
  }

  #drawTrend(): void {
    const { paths, points, moreNumbers } = this.topic;
    const count = points.length === 0 ? 0 : Math.min(paths.length, MOST_SPARKLINES);
    while (this.#sparklines.length > count) this.#sparklines.pop()!.figure.remove();
    while (this.#sparklines.length < count) {
      const sparkline = new Sparkline(this.#sparklines.length);
      this.#sparklines.push(sparkline);
      this.#trend.append(sparkline.figure);
    }
    for (const [which, sparkline] of this.#sparklines.entries()) sparkline.draw(paths[which]!, points, which);
    const more = paths.length - count;
    if (count === 0 || more <= 0) return this.#more.remove();
    setText(this.#more, `+${more}${moreNumbers ? '…' : ''}`);
    this.#trend.append(this.#more);
  }
}

export function scheduleText({ status }: PageTopic): string {
  if (status === undefined) return '';
  return status.schedule ?? (status.source === 'provide' ? 'when provided' : 'when published');
}
