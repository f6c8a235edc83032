import { asText } from '../payload.ts';
import { age, milliseconds, perSecond, short } from './figures.ts';
import { screenText } from './fit.ts';
import type { TopicView } from './model.ts';
import { SERIES_LENGTH, sparkline } from './series.ts';
import type { Cell, Column } from './table.ts';

/** Characters of a value that can reach the screen. */
const LONGEST_VALUE = 500;
const LONGEST_NAME = 40;
const LONGEST_SCHEDULE = 24;

/**
 * The columns of the table of topics.
 * @param topics All that the table has, on the screen or not, so that scrolling changes no width.
 * @param isOld The values are from before the connection was lost.
 */
export function topicColumns(topics: readonly TopicView[], isOld: boolean, now: number): Column<TopicView>[] {
  const longest = (text: (topic: TopicView) => string, most: number): number =>
    Math.min(
      topics.reduce((length, topic) => Math.max(length, text(topic).length), 0),
      most,
    );
  return [
    {
      head: 'TOPIC',
      widths: [14, longest(({ status }) => status.topic, LONGEST_NAME)],
      rank: 0,
      cell: ({ status }) => ({
        text: screenText(status.topic),
        style: isOld || !status.awake ? 'dim' : 'name',
      }),
    },
    {
      head: 'SCHEDULE',
      widths: [9, longest(scheduleOf, LONGEST_SCHEDULE)],
      rank: 6,
      cell: (topic) => screenText(scheduleOf(topic)),
    },
    { head: 'RATE', widths: [7], rank: 3, isNumber: true, cell: ({ rate }) => perSecond(rate.perSecond) },
    { head: 'VALUE', widths: [12, 24, 60], rank: 1, cell: (topic) => valueCell(topic, isOld) },
    {
      head: 'TREND',
      widths: [8, 16, SERIES_LENGTH],
      rank: 4,
      cell: ({ series }, width) => sparkline(series.values().next().value?.last(width) ?? []),
    },
    {
      head: 'AGE',
      widths: [isOld ? 9 : 5],
      rank: 2,
      isNumber: true,
      cell: ({ status, last }) => `${age(status.lastSent ?? last?.time, now)}${isOld ? ' old' : ''}`,
    },
    {
      head: 'LATE P99',
      widths: [8],
      rank: 5,
      isNumber: true,
      cell: ({ status }) => milliseconds(status.lateP99Ms),
    },
    { head: 'FAILED', widths: [6], rank: 7, isNumber: true, cell: failedCell },
    { head: 'CLIENTS', widths: [7], rank: 8, isNumber: true, cell: ({ status }) => String(status.clients) },
  ];
}

function scheduleOf({ status }: TopicView): string {
  return status.schedule?.replace(/^every /, '') ?? status.source;
}

function valueCell({ status, last }: TopicView, isOld: boolean): Cell {
  if (status.lastError !== null) {
    const reason = screenText(status.lastError.slice(0, LONGEST_VALUE));
    return { text: `failing: ${reason}`, style: 'bad', isWide: true };
  }
  if (!last) return { text: '-', style: 'dim' };
  const text = typeof last.data === 'number' ? short(last.data) : asText(last.data).slice(0, LONGEST_VALUE);
  return { text: screenText(text), ...(isOld && { style: 'dim' }) };
}

function failedCell({ status }: TopicView): Cell {
  return { text: short(status.failures), ...(status.failures > 0 && { style: 'bad' }) };
}
