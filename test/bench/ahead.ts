import type { Entrant } from './entrant.ts';
import type { Row } from './rounds.ts';
import type { Work } from './works/work.ts';

/** A smaller lead is noise: two runs differ by as much. */
const NOTABLE = 1.1;

/** An item of a list for each column in which a rival is ahead of chimed: the rivals, their leads, and the reason. */
export function rivalsAhead(
  { why = {}, higherIsBetter = [] }: Work<Entrant>,
  rows: readonly Row[],
): string[] {
  return Object.entries(why).flatMap(([column, reason]) => {
    const better = higherIsBetter.includes(column) ? 'higher' : 'lower';
    const behind = rows.filter(({ ours }) => ours).flatMap((ours) => leads(ours, rows, column, better));
    return behind.length === 0 ? [] : [`- ${column}: ${behind.join('; ')}. Why: ${reason}`];
  });
}

/** One text, or none if no rival is ahead. */
function leads(ours: Row, rows: readonly Row[], column: string, better: 'higher' | 'lower'): string[] {
  const ahead = rows
    .filter((row) => !row.ours && row.clients === ours.clients && row.baseline === ours.baseline)
    .map(({ system, figures }) => {
      const ratio = ours.figures[column]! / figures[column]!;
      return { system, lead: better === 'lower' ? ratio : 1 / ratio };
    })
    .filter(({ lead }) => lead >= NOTABLE)
    .map(({ system, lead }) => `${system} (${lead.toFixed(1)} ×)`);
  const alone = rows.every(({ clients }) => clients === ours.clients);
  const count = ours.clients.toLocaleString('en-US');
  const clients = alone ? '' : ` with ${count} ${ours.clients === 1 ? 'client' : 'clients'}`;
  return ahead.length === 0 ? [] : [`${ours.system}${clients} is behind ${ahead.join(', ')}`];
}
