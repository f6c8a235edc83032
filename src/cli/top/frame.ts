import ms from 'ms';

import type { State } from '../../client/connection-state.ts';
import { clientColumns } from './client-rows.ts';
import { clientDetail, topicDetail } from './detail.ts';
import { age, mebibytes, perSecond } from './figures.ts';
import { cutTo, fit, screenText } from './fit.ts';
import { keyHelp } from './keys.ts';
import { listClients, listTopics } from './listing.ts';
import type { Model } from './model.ts';
import type { Paint } from './paint.ts';
import { Table } from './table.ts';
import type { Column } from './table.ts';
import { topicColumns } from './topic-rows.ts';
import type { Rows, RowId, TopView } from './view.ts';

/** Below this, nothing can be shown. */
const LEAST = { columns: 30, rows: 6 };
/** Lines above and below the rows of a table. */
const HEADER_LINES = 3;
const FURNITURE = HEADER_LINES + 2;
const HINTS = '↑↓ select  Enter detail  s sort  r reverse  / filter  c clients  Space pause  ? help  q quit';

export interface Size {
  columns: number;
  rows: number;
}

/** Where the connection to the daemon stands. */
export type ConnectionNote = Pick<State, 'status'> & { error?: Error };

export interface Shown {
  model: Model;
  view: TopView;
  connection: ConnectionNote;
  paint: Paint;
  /** In milliseconds since the epoch. */
  now: number;
}

/** The rows that the user sees now. */
export function rowsOf({ model, view }: Pick<Shown, 'model' | 'view'>, { rows }: Size): Rows {
  const height = Math.max(rows - FURNITURE, 1);
  return { ids: page({ model, view }).ids, height };
}

/** A whole screen: at most `rows` lines of at most `columns` columns. */
export function renderScreen(shown: Shown, size: Size): string[] {
  const { columns, rows } = size;
  if (columns < LEAST.columns || rows < LEAST.rows) return tooSmall(size);
  const { view } = shown;
  const body = view.open ? renderText(shown, size) : renderTable(shown, size);
  const height = rows - HEADER_LINES - 1;
  const empty = Array.from({ length: Math.max(height - body.length, 0) }, () => '');
  return [...renderHeader(shown, columns), ...body.slice(0, height), ...empty, footer(shown, columns)];
}

/** One frame for `--once`: everything, however long. */
export function renderOnce(shown: Shown, columns: number): string[] {
  const { model, view, now, paint } = shown;
  const topics = listTopics(model, view.filter, view.topicOrder);
  const clients = listClients(model, view.filter, view.clientOrder);
  return [
    ...renderHeader(shown, columns),
    ...whole(topicColumns(topics, isOld(shown), now), topics, columns, paint),
    ...topics
      .filter(({ status }) => status.lastError !== null)
      .map(({ status }) => paint.bad(screenText(`${status.topic} is failing: ${status.lastError}`))),
    '',
    ...whole(clientColumns(now), clients, columns, paint),
    ...omitted(model.daemon!.clientCount - clients.length, 'clients are not listed'),
  ].map((line) => line.trimEnd());
}

function whole<Item>(
  columns: readonly Column<Item>[],
  items: readonly Item[],
  width: number,
  paint: Paint,
): string[] {
  const table = new Table(columns, width, paint);
  return [table.head, ...items.map((item) => table.row(item))];
}

function omitted(count: number, what: string): string[] {
  return count > 0 ? [`${count} ${what}`] : [];
}

function tooSmall({ columns, rows }: Size): string[] {
  const text = `The terminal has ${columns}×${rows}; at least ${LEAST.columns}×${LEAST.rows} is needed.`;
  return ['Too small.', text].slice(0, rows).map((line) => cutTo(line, columns));
}

function isOld({ connection }: Pick<Shown, 'connection'>): boolean {
  return connection.status !== 'ready' || connection.error !== undefined;
}

function renderHeader(shown: Shown, columns: number): string[] {
  const { model, paint } = shown;
  return [
    statusLine(shown, columns),
    cutTo(totalsLine(model), columns),
    paint.dim(cutTo(captionOf(shown), columns)),
  ];
}

function statusLine(shown: Shown, columns: number): string {
  const { model, connection, paint, now } = shown;
  const { daemon } = model;
  if (isOld(shown) || !daemon) {
    const reason = connection.error ? `: ${screenText(connection.error.message)}` : '';
    const old = daemon ? ` (values are ${age(model.updatedAt, now)} old)` : '';
    return paint.bad(cutTo(`waiting for the daemon${old}${reason}`, columns));
  }
  const { version, uptimeSeconds, memoryBytes, clientCount, topicCount } = daemon;
  const facts = [
    `up ${ms(uptimeSeconds * 1000)}`,
    mebibytes(memoryBytes),
    counted(clientCount, 'client'),
    counted(topicCount, 'topic'),
  ].join(', ');
  const name = cutTo(screenText(`chimed ${version} connected`), columns);
  return paint.heading(name) + cutTo(`, ${facts}`, columns - name.length);
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function totalsLine({ rates, topics }: Model): string {
  let failing = 0;
  for (const { status } of topics.values()) if (status.lastError !== null) failing++;
  const { messages, sent, skipped } = rates;
  return (
    `messages ${perSecond(messages.perSecond)}, sent to clients ${perSecond(sent.perSecond)}, ` +
    `missed ${perSecond(skipped.perSecond)}, failing ${failing}`
  );
}

/** What is listed, how it is sorted, and what is left out. */
function captionOf({ model, view }: Shown): string {
  const { ids, all, of } = page({ model, view });
  const order = view.page === 'topics' ? view.topicOrder : view.clientOrder;
  const parts = [
    ...(view.isPaused ? ['PAUSED'] : []),
    `${view.page} by ${order.by}${order.isReversed ? ', reversed' : ''}`,
    ...(view.filter === '' ? [] : [`${ids.length} of ${all} contain "${screenText(view.filter)}"`]),
    ...omitted(of - all, `${view.page} left out${view.page === 'topics' ? ': name fewer topics' : ''}`),
  ];
  return parts.join(', ');
}

/** @returns the rows of the page, how many there are without the filter, and how many the daemon has. */
function page({ model, view }: Pick<Shown, 'model' | 'view'>): { ids: RowId[]; all: number; of: number } {
  const { topics, clients, daemon } = model;
  if (view.page === 'topics') {
    const ids = listTopics(model, view.filter, view.topicOrder).map(({ status }) => status.topic);
    return { ids, all: topics.size, of: daemon?.topicCount ?? 0 };
  }
  const ids = listClients(model, view.filter, view.clientOrder).map(({ status }) => status.id);
  return { ids, all: clients.size, of: daemon?.clientCount ?? 0 };
}

function renderTable(shown: Shown, size: Size): string[] {
  const { model, view, now } = shown;
  if (view.page === 'clients') {
    const clients = listClients(model, view.filter, view.clientOrder);
    return tableLines(shown, size, clientColumns(now), clients, ({ status }) => status.id);
  }
  const topics = listTopics(model, view.filter, view.topicOrder);
  return tableLines(
    shown,
    size,
    topicColumns(topics, isOld(shown), now),
    topics,
    ({ status }) => status.topic,
  );
}

function tableLines<Item>(
  { view, paint }: Shown,
  { columns, rows }: Size,
  tableColumns: readonly Column<Item>[],
  items: readonly Item[],
  idOf: (item: Item) => RowId,
): string[] {
  const table = new Table(tableColumns, columns - 1, paint);
  const ids = items.map(idOf);
  const height = Math.max(rows - FURNITURE, 1);
  const first = view.firstRow({ ids, height });
  const selected = view.selected(ids);
  const lines = items.slice(first, first + height).map((item) => {
    const row = table.row(item);
    return idOf(item) === selected ? paint.selected(`>${row}`) : ` ${row}`;
  });
  return [` ${table.head}`, ...lines];
}

function renderText(shown: Shown, { columns, rows }: Size): string[] {
  const { view } = shown;
  const height = rows - HEADER_LINES - 1;
  const lines = view.open === 'help' ? helpLines(columns) : detailLines(shown, columns);
  const first = view.firstLine(lines.length, height);
  return lines.slice(first, first + height);
}

function detailLines({ model, view, paint, now }: Shown, columns: number): string[] {
  const { ids } = page({ model, view });
  const id = view.selected(ids);
  const topic = view.page === 'topics' ? model.topics.get(id as string) : undefined;
  if (topic) return topicDetail(topic, columns, paint, now);
  const client = view.page === 'clients' ? model.clients.get(id as number) : undefined;
  return client ? clientDetail(client, columns, paint, now) : ['It is not there any more.'];
}

function helpLines(columns: number): string[] {
  return keyHelp.map(([keys, does]) => cutTo(`${fit(keys, 15)}${does}`, columns));
}

function footer({ view, paint }: Shown, columns: number): string {
  if (view.isTyping) return cutTo(`filter: ${screenText(view.filter)}█ (Enter: done, Esc: clear)`, columns);
  return paint.dim(cutTo(view.open ? 'Esc back  ↑↓ scroll  q quit' : HINTS, columns));
}
