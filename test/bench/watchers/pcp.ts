import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';

import { compile } from '../compile.ts';
import { compiler } from '../needs.ts';
import type { Need } from '../needs.ts';
import type { Place } from '../place.ts';
import { PYTHON, programPath, python } from './watchers.ts';
import type { Watchers } from './watchers.ts';

const PMCD = '/usr/lib/pcp/bin/pmcd';
const METRIC = 'bench.value';
const DOMAIN = 250;
const KEEP_MS = 1000;

const needs: readonly Need[] = [
  { path: PMCD, package: 'pcp' },
  { path: '/usr/include/pcp/pmda.h', package: 'libpcp-pmda3-dev' },
  compiler,
];

type Clients = Pick<Watchers, 'name' | 'needs' | 'program'>;

const pythonClients: Clients = {
  name: 'Python: PCP',
  needs: [...needs, python],
  program: ({ socket }) => [PYTHON, programPath('pollers/fetch-pcp.py'), socket, METRIC],
};

const pmval: Clients = {
  name: 'sh: pmval',
  needs,
  program: ({ socket }) => ['pmval', '-t', '1', '-h', `unix://${socket}`, METRIC],
};

/** The agent runs the command for each fetch of each client, as most of PCP's agents do. */
export const pythonOnPcp = onPcp(pythonClients, 0);
export const pmvalOnPcp = onPcp(pmval, 0);

/** The agent runs the command if its last value is a second old. */
export const pythonOnKeepingPcp = onPcp({ ...pythonClients, name: 'Python: PCP, kept 1 s' }, KEEP_MS);
export const pmvalOnKeepingPcp = onPcp({ ...pmval, name: 'sh: pmval, kept 1 s' }, KEEP_MS);

function onPcp(clients: Clients, keepMs: number): Watchers {
  return { ...clients, daemon: (place, command) => pmcd(place, command, keepMs) };
}

/** pmcd with one agent and no other metrics, apart from the machine's own pmcd if there is one. */
function pmcd(
  { folder, socket, port }: Place,
  command: readonly string[],
  keepMs: number,
): readonly string[] {
  const [config, names] = [join(folder, 'pmcd.conf'), join(folder, 'pmns')];
  const agent = `${compile('pcp-agent', '-lpcp_pmda', '-lpcp')} ${DOMAIN} ${keepMs}`;
  writeFileSync(config, `bench ${DOMAIN} pipe binary ${agent} "exec ${command.join(' ')} </dev/null"\n`);
  writeFileSync(names, `root { bench }\nbench { value ${DOMAIN}:0:0 }\n`);
  const directories = [`PCP_RUN_DIR=${folder}`, `PCP_LOG_DIR=${folder}`];
  const foreground = ['-f', '-A', '-U', userInfo().username, '-l', join(folder, 'pmcd.log')];
  const local = ['-s', socket, '-i', '127.0.0.1', '-p', String(port)];
  return ['env', ...directories, PMCD, ...foreground, ...local, '-c', config, '-n', names];
}
