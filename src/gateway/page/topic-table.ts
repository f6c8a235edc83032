import { find, setText } from './elements.ts';
import { onceAFrame } from './each-frame.ts';
import { counted } from './wording.ts';
import { filterOf } from './pattern-filter.ts';
import { TopicDetail } from './topic-detail.ts';
import { MOST_FOLLOWED } from './topic-model.ts';
import type { PageTopic, TopicModel } from './topic-model.ts';
import { TopicRow } from './topic-row.ts';

/** Ages change this often without a message. */
const AGE_EVERY_MS = 1000;

/** The table of all topics that pass the filter. One of them can be open, with its detail below. */
export class TopicTable {
  readonly #model: TopicModel;
  readonly #table = find<HTMLTableElement>('topics');
  readonly #body = this.#table.tBodies[0]!;
  readonly #empty = find('no-topics');
  readonly #summary = find('topic-summary');
  readonly #filter = find<HTMLInputElement>('filter');
  readonly #rows = new Map<string, TopicRow>();
  /** Topics that have been put in order, or were filtered out then. */
  readonly #placed = new WeakSet<PageTopic>();
  readonly #rowsOf = new WeakMap<Element, TopicRow>();
  readonly #sight = new IntersectionObserver((entries) => this.#see(entries), { rootMargin: '100px' });
  readonly #due = onceAFrame(() => this.#draw());
  #detail: TopicDetail | undefined;
  #isListed = false;
  /** The rows are to be put in order anew. */
  #isOrderDue = false;

  constructor(model: TopicModel) {
    this.#model = model;
    this.#filter.addEventListener('input', () => this.arrange());
    document.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.#close();
    });
    setInterval(() => {
      if (document.visibilityState === 'visible') this.#drawAges();
    }, AGE_EVERY_MS);
  }

  /** Draws a topic before the next frame, if it can be seen. */
  change(topic: PageTopic): void {
    const row = this.#rows.get(topic.name);
    if (row?.topic === topic) row.isDue = true;
    // One that the filter keeps out has no row.
    else if (!this.#placed.has(topic)) this.#isOrderDue = true;
    this.#due();
  }

  /** Puts the rows in order: after topics came or went, or the filter changed. */
  arrange(): void {
    this.#isListed ||= this.#model.topicCount > 0;
    this.#isOrderDue = true;
    this.#due();
  }

  /** The list of topics is known, be it empty. */
  listed(): void {
    this.#isListed = true;
    this.arrange();
  }

  themeChanged(): void {
    this.#detail?.redraw();
  }

  #see(entries: readonly IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of entries) {
      const row = this.#rowsOf.get(target);
      if (row) row.isVisible = isIntersecting;
    }
    this.#due();
  }

  #draw(): void {
    if (this.#isOrderDue) this.#order();
    const now = Date.now();
    for (const row of this.#rows.values()) if (row.isDue && row.isVisible) row.draw(now);
    this.#detail?.draw(now);
    this.#summarize();
  }

  #drawAges(): void {
    const now = Date.now();
    for (const row of this.#rows.values()) if (row.isVisible) row.drawAge(now);
    this.#detail?.drawAge(now);
  }

  #order(): void {
    this.#isOrderDue = false;
    const { topics } = this.#model;
    for (const [name, row] of this.#rows) if (topics.get(name) !== row.topic) this.#remove(name, row);
    const passes = filterOf(this.#filter.value);
    for (const topic of topics.values()) this.#placed.add(topic);
    const shown = [...topics.values()]
      .filter(({ name }) => passes(name))
      .toSorted((one, other) => (one.name < other.name ? -1 : 1))
      .map((topic) => this.#rows.get(topic.name) ?? this.#make(topic));
    const rows = shown.flatMap((row) =>
      row.topic.name === this.#detail?.topic.name ? [row.row, this.#detail.row] : [row.row],
    );
    // What has the focus stays where it is, unless it is filtered away.
    for (const [index, row] of rows.entries())
      if (this.#body.children[index] !== row)
        this.#body.insertBefore(row, this.#body.children[index] ?? null);
    while (this.#body.children.length > rows.length) this.#body.lastChild!.remove();
    this.#table.hidden = rows.length === 0;
    this.#empty.hidden = rows.length > 0;
    setText(this.#empty, this.#emptyText());
  }

  #emptyText(): string {
    if (!this.#isListed) return 'Waiting for the list of topics.';
    if (this.#model.topics.size > 0) return `No topic matches “${this.#filter.value}”.`;
    return 'There are no topics that this page may show. Add some to chimed.yaml and run chimed reload.';
  }

  #summarize(): void {
    const { topics, topicCount } = this.#model;
    const failing = [...topics.values()].filter(({ failure }) => failure).length;
    const left =
      topicCount > topics.size ? `, the first ${MOST_FOLLOWED.toLocaleString('en')} are shown` : '';
    const text = `${counted(Math.max(topicCount, topics.size), 'topic')}${left}`;
    setText(this.#summary, topics.size === 0 ? '' : `${text}${failing > 0 ? `, ${failing} failing` : ''}`);
    document.title = failing > 0 ? `(${failing} failing) chimed` : 'chimed';
  }

  #make(topic: PageTopic): TopicRow {
    const row = new TopicRow(topic);
    this.#rows.set(topic.name, row);
    this.#rowsOf.set(row.row, row);
    this.#sight.observe(row.row);
    row.row.addEventListener('click', () => this.#toggle(row));
    return row;
  }

  #remove(name: string, row: TopicRow): void {
    if (this.#detail?.topic === row.topic) this.#drop();
    this.#sight.unobserve(row.row);
    row.row.remove();
    this.#rows.delete(name);
  }

  #toggle(row: TopicRow): void {
    if (getSelection()?.isCollapsed === false) return; // The click ended a selection of text.
    const wasOpen = this.#detail?.topic === row.topic;
    this.#drop();
    if (wasOpen) return;
    row.button.ariaExpanded = 'true';
    row.row.classList.add('open');
    this.#detail = new TopicDetail(row.topic, () => this.#close());
    row.row.after(this.#detail.row);
    this.#detail.draw(Date.now());
    this.#detail.row.scrollIntoView({ block: 'nearest' });
  }

  /** Closes the detail and gives the focus back to the button that opened it. */
  #close(): void {
    const name = this.#detail?.topic.name;
    this.#drop();
    if (name !== undefined) this.#rows.get(name)?.button.focus();
  }

  #drop(): void {
    if (this.#detail === undefined) return;
    const row = this.#rows.get(this.#detail.topic.name);
    if (row) row.button.ariaExpanded = 'false';
    row?.row.classList.remove('open');
    this.#detail.remove();
    this.#detail = undefined;
  }
}
