import { element, setText } from './elements.ts';
import { spanOfTime, oneLine } from './wording.ts';
import type { Failure, PageTopic } from './topic-model.ts';

/** Characters of a payload in the table; the rest is in the detail. */
const MOST_CHARACTERS = 300;

/** The last value of a topic, and what is wrong with it. */
export class ValueCell {
  readonly cell = element('td', { class: 'value', attributes: { role: 'cell' } });
  readonly #value = element('span', { class: 'payload' });
  readonly #problem = element('span', { class: 'problem' });

  constructor() {
    this.cell.append(this.#value, this.#problem);
  }

  draw(topic: PageTopic): void {
    const { latest, failure } = topic;
    setText(this.#value, latest ? oneLine(latest.payload, MOST_CHARACTERS) : emptyValue(topic));
    this.#value.classList.toggle('none', latest === undefined);
    this.#value.classList.toggle('old', failure !== undefined || latest?.stale === true);
    this.#problem.hidden = failure === undefined;
    if (failure) setText(this.#problem, `Failing: ${oneLine(failure.error, MOST_CHARACTERS)}`);
  }
}

function emptyValue({ status, failure }: PageTopic): string {
  if (failure) return 'no value yet';
  return status?.schedule === null ? 'nothing published yet' : 'no message yet';
}

/** What a topic missed, in words; empty if nothing. */
export function missedText({ missed, uncounted }: PageTopic): string {
  if (!uncounted) return missed === 0 ? '' : `${missed.toLocaleString('en')} missed`;
  return missed === 0 ? 'some missed' : `${missed.toLocaleString('en')} or more missed`;
}

export function failureText({ since, error }: Failure, now: number): string {
  const span = since === null ? '' : ` for ${spanOfTime(now - since)}`;
  return `Failing${span}: ${error}`;
}
