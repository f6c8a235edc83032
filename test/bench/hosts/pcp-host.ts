import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';

import { compile } from '../compile.ts';
import { compiler } from '../needs.ts';
import type { HostSystem } from './host-system.ts';

const PMCD = '/usr/lib/pcp/bin/pmcd';
const NAMES = '/usr/lib/pcp/pmns';
const AGENTS = '/var/lib/pcp/pmdas';

/** The metrics of the same readings. */
const metrics = [
  'kernel.all.load',
  'kernel.all.uptime',
  ...['physmem', 'util.free', 'util.available', 'util.swapTotal', 'util.swapFree', 'util.cached'].map(
    (name) => `mem.${name}`,
  ),
  ...['all', 'percpu'].flatMap((scope) =>
    ['user', 'nice', 'sys', 'idle', 'wait.total', 'irq.hard', 'irq.soft', 'steal', 'guest'].map(
      (state) => `kernel.${scope}.cpu.${state}`,
    ),
  ),
  ...['capacity', 'used', 'avail', 'maxfiles', 'usedfiles', 'readonly'].map((name) => `filesys.${name}`),
  ...['read', 'write', 'read_bytes', 'write_bytes', 'avactive'].map((name) => `disk.dev.${name}`),
  ...['in', 'out'].flatMap((way) =>
    ['bytes', 'packets', 'errors', 'drops'].map((name) => `network.interface.${way}.${name}`),
  ),
  ...['cpu.some', 'memory.some', 'memory.full', 'io.some', 'io.full'].flatMap((name) => [
    `kernel.all.pressure.${name}.avg`,
    `kernel.all.pressure.${name}.total`,
  ]),
  ...['runnable', 'blocked', 'sleeping', 'stopped', 'swapped', 'defunct', 'unknown', 'kernel'].map(
    (state) => `proc.runq.${state}`,
  ),
  'vfs.files.count',
  'vfs.files.max',
  'vfs.inodes.count',
];

/** pmcd with its agents for Linux and for processes, both inside it, and one client that fetches all in one request. */
export const pcpHost: HostSystem = {
  name: 'PCP',
  needs: [
    { path: PMCD, package: 'pcp' },
    { path: '/usr/include/pcp/pmapi.h', package: 'libpcp3-dev' },
    compiler,
  ],
  linesPerSecond: 1,
  daemon({ folder, socket, port }) {
    const [config, names] = [join(folder, 'pmcd.conf'), join(folder, 'pmns')];
    const roots = [join(NAMES, 'root_linux'), join(NAMES, 'root_proc')];
    execFileSync('/usr/lib/pcp/bin/pmnsmerge', ['-a', ...roots, names]);
    const agents = [
      ['linux', 60],
      ['proc', 3],
    ] as const;
    const lines = agents.map(
      ([name, domain]) => `${name} ${domain} dso ${name}_init ${AGENTS}/${name}/pmda_${name}.so\n`,
    );
    writeFileSync(config, lines.join(''));
    const directories = [`PCP_RUN_DIR=${folder}`, `PCP_LOG_DIR=${folder}`];
    const foreground = ['-f', '-A', '-U', userInfo().username, '-l', join(folder, 'pmcd.log')];
    const local = ['-s', socket, '-i', '127.0.0.1', '-p', String(port)];
    return ['env', ...directories, PMCD, ...foreground, ...local, '-c', config, '-n', names];
  },
  address: ({ socket }) => ({ path: socket }),
  reader: ({ socket }) => [compile('fetch-host-pcp', '-lpcp'), `unix://${socket}`, ...metrics],
};
