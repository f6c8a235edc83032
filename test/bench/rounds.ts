import { median } from '../helpers/figures.ts';
import type { Entrant } from './entrant.ts';
import type { Figures, Work } from './works/work.ts';

/** The medians of what one entrant needed for one work with so many clients. */
export interface Row {
  system: string;
  clients: number;
  /** The row that it is compared with. */
  baseline: string;
  /** Reports whether it is chimed, and not a rival. */
  ours: boolean;
  figures: Figures;
}

/**
 * Does a work several times, one system after the other in each round: a machine that is slow for a while is
 * slow for all of them.
 */
export async function inRounds(
  work: Work<Entrant>,
  systems: readonly Entrant[],
  rounds: number,
  progress: (text: string) => void,
): Promise<Row[]> {
  const pairs = work.clients.flatMap((clients) =>
    systems.map((system) => ({ system, clients, all: [] as Figures[] })),
  );
  for (let round = 1; round <= rounds; round++) {
    const measure = async ({ system, clients, all }: (typeof pairs)[number]): Promise<void> => {
      progress(
        `${work.letter}, round ${round} of ${rounds}: ${system.name}${clients > 1 ? `, ${clients} clients` : ''}`,
      );
      all.push(await work.measure(system, clients));
    };
    if (work.together) await Promise.all(pairs.map(measure));
    else for (const pair of pairs) await measure(pair);
  }
  return pairs.map(({ system: { name, baseline = 'net', ours = false }, clients, all }) => ({
    system: name,
    clients,
    baseline,
    ours,
    figures: medians(all),
  }));
}

function medians(all: readonly Figures[]): Figures {
  const names = Object.keys(all[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, median(all.map((figures) => figures[name]!))]));
}
