import { compile } from '../compile.ts';
import { compiler } from '../needs.ts';
import type { HostSystem } from './host-system.ts';

const EXPORTER = 'prometheus-node-exporter';

/** The collectors of the same readings, and no others; `stat` has the boot time. */
const collectors = [
  'loadavg',
  'meminfo',
  'stat',
  'cpu',
  'filesystem',
  'diskstats',
  'netdev',
  'pressure',
  'processes',
  'filefd',
];

/** Debian's, scraped once a second over one connection. It does not measure itself, and compresses nothing. */
export const nodeExporter: HostSystem = {
  name: 'node_exporter',
  needs: [{ path: EXPORTER, package: EXPORTER }, compiler],
  linesPerSecond: 1,
  daemon: ({ port }) => [
    EXPORTER,
    `--web.listen-address=127.0.0.1:${port}`,
    '--web.disable-exporter-metrics',
    '--log.level=error',
    '--collector.disable-defaults',
    ...collectors.map((name) => `--collector.${name}`),
  ],
  address: ({ port }) => ({ host: '127.0.0.1', port }),
  reader: ({ port }) => [compile('host-reader'), 'scrape', String(port)],
};
