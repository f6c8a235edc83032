import type { TopicStatus } from '../../protocol/status-snapshot.ts';
import { printableJson } from '../printable.ts';
import { nameOf, topicsOf } from './client-rows.ts';
import { age, milliseconds, perSecond, short } from './figures.ts';
import { cutTo, fit, pieces, screenText } from './fit.ts';
import type { ClientView, TopicView } from './model.ts';
import type { Paint } from './paint.ts';
import { sparkline } from './series.ts';

const LABEL_WIDTH = 16;
/** Columns of a number in front of its sparkline. */
const NUMBER_WIDTH = 10;
/** Lines that one text takes at most. */
const MOST_LINES = 100;

type Field = readonly [label: string, value: string];

/** All about a topic, in lines of at most `width` columns. */
export function topicDetail(topic: TopicView, width: number, paint: Paint, now: number): string[] {
  const { status, rate, last, series } = topic;
  const failure = status.lastError === null ? [] : wrapped(status.lastError, width - 2);
  return [
    paint.heading(cutTo(screenText(status.topic), width)),
    ...fields(statusFields(status, perSecond(rate.perSecond), now), width),
    ...failure.map((line, index) => (index === 0 ? `${paint.bad('failing')}\n  ` : '  ') + paint.bad(line)),
    ...(series.size > 0 ? ['', paint.dim('numbers: last, smallest and largest of the trend')] : []),
    ...[...series].map(([place, numbers]) => numberLine(place, numbers.last(), width)),
    '',
    paint.dim(
      cutTo(last ? `last message, from ${new Date(last.time).toISOString()}` : 'no message yet', width),
    ),
    ...(last ? payloadLines(last.data, width) : []),
  ].flatMap((line) => line.split('\n'));
}

/** All about a client. */
export function clientDetail(
  { status, rate }: ClientView,
  width: number,
  paint: Paint,
  now: number,
): string[] {
  return [
    paint.heading(cutTo(nameOf(status.name), width)),
    ...fields(
      [
        ['client', String(status.id)],
        ['pid', String(status.pid ?? '-')],
        ['uid', String(status.uid ?? '-')],
        ['gid', String(status.gid ?? '-')],
        ['groups', status.groups?.join(' ') ?? '-'],
        ...(status.onBehalf ? [['connected', 'through the gateway'] as const] : []),
        ['connected for', age(status.since, now)],
        ['sent', `${status.sent}, ${perSecond(rate.perSecond)}`],
        ['missed', String(status.skipped)],
        ['pending', `${status.pendingBytes} B`],
      ],
      width,
    ),
    '',
    paint.dim('topics and patterns'),
    ...wrapped(topicsOf(status), width),
  ];
}

/** What sets the pace of a topic without a schedule, by the kind of its source. */
const paces: Record<string, string> = { publish: 'clients publish', provide: 'a client provides it' };

function statusFields(status: TopicStatus, rate: string, now: number): Field[] {
  const { schedule, source, awake, clients, seq, next, lastSent, lateP50Ms, lateP99Ms } = status;
  const { skippedTicks, omitted, failures, failingSince, lastGood, metrics, publishable } = status;
  return [
    ['schedule', schedule ?? `none: ${paces[source] ?? 'its source decides'}`],
    ['source', source],
    ['state', awake ? 'awake' : 'asleep'],
    ['clients', String(clients)],
    ['messages', `${seq}, ${rate}`],
    ['last sent', lastSent === null ? '-' : `${age(lastSent, now)} ago`],
    ...(typeof next === 'number' ? [['next tick', `in ${age(now, next)}`] as const] : []),
    ['lateness', `half within ${milliseconds(lateP50Ms)}, 99 % within ${milliseconds(lateP99Ms)}`],
    ['skipped ticks', String(skippedTicks)],
    ...(typeof omitted === 'number' ? [['left out by every', String(omitted)] as const] : []),
    ['failed samples', String(failures)],
    ...(typeof failingSince === 'number' ? [['failing for', age(failingSince, now)] as const] : []),
    ...(typeof lastGood === 'number' ? [['last good', `${age(lastGood, now)} ago`] as const] : []),
    ...(metrics ? [['metrics', 'yes'] as const] : []),
    ...(publishable ? [['publish', 'allowed'] as const] : []),
  ];
}

function fields(list: readonly Field[], width: number): string[] {
  return list.map(([label, value]) => cutTo(`${label.padEnd(LABEL_WIDTH)}${screenText(value)}`, width));
}

function numberLine(place: string, values: readonly number[], width: number): string {
  const figures = [values.at(-1)!, Math.min(...values), Math.max(...values)];
  const shown = figures.map((value) => fit(short(value), NUMBER_WIDTH, true)).join('');
  const room = Math.max(width - LABEL_WIDTH - figures.length * NUMBER_WIDTH - 1, 0);
  const trend = room === 0 ? '' : ` ${sparkline(values.slice(-room))}`;
  return cutTo(`${fit(screenText(place), LABEL_WIDTH)}${shown}${trend}`, width);
}

/** The payload: a text as it is, anything else as JSON with one value a line. */
function payloadLines(data: unknown, width: number): string[] {
  return wrapped(typeof data === 'string' ? data : printableJson(JSON.stringify(data, null, 2)), width);
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const line of text.split('\n'))
    for (const piece of pieces(screenText(line), Math.max(width, 2)))
      if (lines.push(piece) === MOST_LINES) return [...lines, '…'];
  return lines;
}
