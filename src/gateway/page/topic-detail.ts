import { element, setText } from './elements.ts';
import { bytes, clock, spanOfTime, indented } from './wording.ts';
import { Plot } from './plot.ts';
import { PublishForm } from './publish-form.ts';
import type { PageTopic } from './topic-model.ts';
import { scheduleText } from './topic-row.ts';
import { failureText, missedText } from './value-cell.ts';

/** Characters of a payload that are shown. */
const MOST_CHARACTERS = 16_384;

/** The row below the row of a topic: its plot, its facts and its payload. */
export class TopicDetail {
  readonly topic: PageTopic;
  readonly row = element('tr', { class: 'detail', attributes: { role: 'row' } });
  readonly #facts = element('dl', { class: 'facts' });
  readonly #payload = element('pre', { attributes: { tabindex: '0', 'aria-label': 'Payload' } });
  readonly #cut = element('p', { class: 'hint' });
  readonly #problem = element('p', { class: 'problem' });
  readonly #plot: Plot;
  #form: PublishForm | undefined;
  readonly #side = element('div', { class: 'side' });

  constructor(topic: PageTopic, close: () => void) {
    this.topic = topic;
    const closer = element('button', { text: 'Close', class: 'quiet', attributes: { type: 'button' } });
    closer.addEventListener('click', close);
    const head = element('div', { class: 'detail-head' }, element('h3', { text: topic.name }), closer);
    this.#plot = new Plot(topic);
    this.#side.append(element('h4', { text: 'Payload' }), this.#payload, this.#cut);
    const columns = element('div', { class: 'columns' }, this.#plot.figure, this.#side);
    const inside = element('section', { attributes: { 'aria-label': topic.name } });
    inside.append(head, this.#problem, this.#facts, columns);
    this.row.append(element('td', { attributes: { role: 'cell', colspan: '5' } }, inside));
  }

  draw(now: number): void {
    const { latest, failure, status } = this.topic;
    this.#plot.draw();
    this.drawAge(now);
    this.#problem.hidden = failure === undefined;
    if (failure) setText(this.#problem, failureText(failure, now));
    const text = payloadText(this.topic);
    setText(this.#payload, text.slice(0, MOST_CHARACTERS));
    const length = latest?.cutFrom ?? text.length;
    this.#cut.hidden = length <= MOST_CHARACTERS;
    if (length > MOST_CHARACTERS) setText(this.#cut, `The first 16 KiB of ${bytes(length)} are shown.`);
    if (status?.publishable && this.#form === undefined) {
      this.#form = new PublishForm(this.topic.name);
      this.#side.append(this.#form.form);
    }
  }

  drawAge(now: number): void {
    const { latest, status, missed, uncounted } = this.topic;
    const facts: [string, string][] = [['Schedule', scheduleText(this.topic)]];
    if (status) facts.push(['Source', status.source]);
    if (latest) {
      facts.push(['Message', `${latest.seq.toLocaleString('en')}${latest.stale ? ' (stale)' : ''}`]);
      facts.push(['Received', `${clock(latest.time)}, ${spanOfTime(now - latest.time)} ago`]);
    }
    if (missed > 0 || uncounted) facts.push(['Missed', missedText(this.topic).replace(' missed', '')]);
    if (status) facts.push(['Failures', status.failures.toLocaleString('en')]);
    for (const [index, [name, value]] of facts.entries()) {
      const pair =
        this.#facts.children[index] ??
        this.#facts.appendChild(element('div', {}, element('dt'), element('dd')));
      setText(pair.firstChild!, name);
      setText(pair.lastChild!, value);
    }
    while (this.#facts.children.length > facts.length) this.#facts.lastChild!.remove();
  }

  /** After a change of the theme: the plot has no style sheet. */
  redraw(): void {
    this.#plot.rebuild();
  }

  remove(): void {
    this.#plot.remove();
    this.row.remove();
  }
}

function payloadText({ latest }: PageTopic): string {
  if (latest === undefined) return 'No message yet.';
  return latest.cutFrom === undefined ? indented(latest.payload) : String(latest.payload);
}
