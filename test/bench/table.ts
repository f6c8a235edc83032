import { rivalsAhead } from './ahead.ts';
import { described } from './conditions.ts';
import type { Entrant } from './entrant.ts';
import type { Row } from './rounds.ts';
import type { Work } from './works/work.ts';

/** One work's rows as a table in Markdown, with each compared figure's ratio to that of its baseline, and a list of the rivals that are ahead of chimed. */
export function table(work: Work<Entrant>, rows: readonly Row[]): string {
  const { letter, title, compared } = work;
  const columns = Object.keys(rows[0]?.figures ?? {});
  const lines = rows.map(({ system, clients, baseline, figures }) => {
    const limit = rows.find((row) => row.system === baseline && row.clients === clients);
    const cells = columns.map((column) => {
      const value = figures[column]!;
      const ratio =
        compared.includes(column) && limit ? ` (${(value / limit.figures[column]!).toFixed(2)} ×)` : '';
      return round(value) + ratio;
    });
    return [String(clients), system, ...cells];
  });
  const paragraphs = [
    `(${letter}) ${title}; ${described(work)}`,
    markdown([['clients', 'system', ...columns], ...lines]),
    rivalsAhead(work, rows).join('\n'),
  ];
  return `${paragraphs.filter((text) => text !== '').join('\n\n')}\n`;
}

/** Three digits are more than two runs agree on. */
function round(value: number): string {
  if (Number.isNaN(value)) return '-';
  return Number(value.toPrecision(3)).toLocaleString('en-US', { maximumFractionDigits: 3 });
}

function markdown([head, ...body]: readonly (readonly string[])[]): string {
  const rows = [head!, ...body];
  const widths = head!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => (column === 1 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [line(head!), rule, ...body.map(line)].join('\n');
}
