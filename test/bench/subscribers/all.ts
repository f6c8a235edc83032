import { join } from 'node:path';

import { root } from '../../helpers/program.ts';
import { chimedFeeds } from '../feeds/chimed-feeds.ts';
import { redisFeeds } from '../feeds/redis-feeds.ts';
import { compiler } from '../needs.ts';
import type { Need } from '../needs.ts';
import { PYTHON, python } from '../watchers/watchers.ts';
import { buildC, buildGo, buildRust, chimedForC, source } from './build.ts';
import type { Subscriber } from './subscriber.ts';

const MODULES_OF_PYTHON = '/usr/lib/python3/dist-packages';
const MODULES_OF_NODE = '/usr/share/nodejs';
/** Debian's, not one of rustup that comes first in PATH. */
const RUSTC = '/usr/bin/rustc';

const server: Need = { path: 'redis-server', package: 'redis-server' };
const redisPy: Need = { path: `${MODULES_OF_PYTHON}/redis`, package: 'python3-redis' };
/** redis-py parses with it if it is here, which is much faster. */
const hiredisPy: Need = { path: `${MODULES_OF_PYTHON}/hiredis`, package: 'python3-hiredis' };
const nodeRedis: Need = { path: `${MODULES_OF_NODE}/redis`, package: 'node-redis' };
const go: Need = { path: 'go', package: 'golang-go' };
const redigo: Need = {
  path: '/usr/share/gocode/src/github.com/gomodule/redigo',
  package: 'golang-github-gomodule-redigo-dev',
};
const rustc: Need = { path: RUSTC, package: 'rustc' };
const hiredis: Need = { path: '/usr/include/hiredis/hiredis.h', package: 'libhiredis-dev' };

const forPython = [python, server, redisPy, hiredisPy];
const forNode = [server, nodeRedis];

/** The clients of chimed, and those of Redis in the same languages that Debian 12 has. It has none for Rust. */
export const subscribers: readonly Subscriber[] = [
  ours('Python', 'redis-py', [python], inPython('chimed-subscriber.py')),
  redis('Python', 'redis-py', forPython, inPython('redis-subscriber.py')),
  redis('Python', 'redis-py, unparsed', forPython, inPython('redis-subscriber.py'), 'raw'),
  ours('Python asyncio', 'redis.asyncio', [python], inPython('chimed-subscriber-asyncio.py')),
  redis('Python asyncio', 'redis.asyncio', forPython, inPython('redis-subscriber-asyncio.py')),
  ours('Node', 'node-redis', [], inNode('chimed-subscriber.mjs')),
  redis('Node', 'node-redis', forNode, inNode('redis-subscriber.mjs')),
  redis('Node', 'node-redis, unparsed', forNode, inNode('redis-subscriber.mjs'), 'raw'),
  ours('Go', 'redigo', [go], () => buildGo('chimed')),
  redis('Go', 'redigo', [go, server, redigo], () => buildGo('redis')),
  ours('Rust', 'none', [rustc], () => buildRust('chimed', RUSTC)),
  ours('C', 'hiredis', [compiler], () => buildC('chimed', chimedForC)),
  redis('C', 'hiredis', [compiler, server, hiredis], () => buildC('redis', '-lhiredis')),
];

/** @param rival The client of Redis that it is compared with. */
function ours(
  language: string,
  rival: string,
  needs: readonly Need[],
  build: Subscriber['build'],
): Subscriber {
  const [name, baseline] = [`${language}, chimed`, `${language}, ${rival}`];
  return { language, name, baseline, ours: true, needs, feeds: chimedFeeds, build };
}

function redis(
  language: string,
  library: string,
  needs: readonly Need[],
  build: Subscriber['build'],
  ...options: readonly string[]
): Subscriber {
  const name = `${language}, ${library}`;
  return { language, name, baseline: name, needs, feeds: redisFeeds, build, options };
}

/** Debian's Python, with our client. */
function inPython(program: string): Subscriber['build'] {
  return () => ['env', `PYTHONPATH=${join(root, 'clients/python')}`, PYTHON, source(program)];
}

/** The Node that runs chimed, with Debian's modules. */
function inNode(program: string): Subscriber['build'] {
  return () => ['env', `NODE_PATH=${MODULES_OF_NODE}`, process.execPath, source(program)];
}
