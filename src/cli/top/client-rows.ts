import { printableCell } from '../printable.ts';
import { age, perSecond, short } from './figures.ts';
import { screenText } from './fit.ts';
import type { ClientView } from './model.ts';
import type { Column } from './table.ts';

/** The columns of the table of clients. */
export function clientColumns(now: number): Column<ClientView>[] {
  return [
    { head: 'ID', widths: [5], rank: 2, isNumber: true, cell: ({ status }) => String(status.id) },
    { head: 'NAME', widths: [14, 24], rank: 0, cell: ({ status }) => nameOf(status.name) },
    { head: 'PID', widths: [7], rank: 4, isNumber: true, cell: ({ status }) => String(status.pid ?? '-') },
    {
      head: 'UID',
      widths: [5, 10],
      rank: 6,
      isNumber: true,
      cell: ({ status }) => String(status.uid ?? '-'),
    },
    { head: 'TOPICS', widths: [10, 20, 60], rank: 5, cell: ({ status }) => topicsOf(status) },
    { head: 'RATE', widths: [7], rank: 3, isNumber: true, cell: ({ rate }) => perSecond(rate.perSecond) },
    {
      head: 'MISSED',
      widths: [7],
      rank: 1,
      isNumber: true,
      cell: ({ status }) => ({ text: short(status.skipped), ...(status.skipped > 0 && { style: 'bad' }) }),
    },
    {
      head: 'PENDING',
      widths: [8],
      rank: 7,
      isNumber: true,
      cell: ({ status }) => `${short(status.pendingBytes)}B`,
    },
    { head: 'FOR', widths: [5], rank: 8, isNumber: true, cell: ({ status }) => age(status.since, now) },
  ];
}

export function nameOf(name: string | null): string {
  return name === null ? '-' : screenText(printableCell(name));
}

export function topicsOf({ topics, patternCount }: ClientView['status']): string {
  const more = patternCount > topics.length ? ` and ${patternCount - topics.length} more` : '';
  return screenText(topics.join(' ')) + more || '-';
}
