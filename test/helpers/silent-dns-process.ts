import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';

import { readHttp } from '../../src/config/read-http.ts';
import { exitNow } from '../../src/linux/process-calls.ts';
import { commandSource } from '../../src/sources/command.ts';
import { fileSource } from '../../src/sources/files/file.ts';
import { httpSource } from '../../src/sources/http/http.ts';
import { sourceContext } from './source-context.ts';

// Runs where DNS queries are never answered: asks for six hosts, and, while it waits for their addresses, samples other
// sources. Prints what came of both.
const [directory] = parseArgs({ allowPositionals: true }).positionals;
const { signal } = new AbortController();
const context = (topic: string) => sourceContext(directory!, { topic, timeoutMs: 2000 });

const server = createServer((_, response) => response.end('answered')).listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;

const lookups = [1, 2, 3, 4, 5, 6].map(async (number) => {
  try {
    return await httpSource(readHttp({ url: `http://host${number}.example/` }), context(`t${number}`)).sample(
      signal,
    );
  } catch (error) {
    return (error as Error).message;
  }
});
const ended = new Set<unknown>();
for (const lookup of lookups) void lookup.then((failure) => ended.add(failure));
let others: unknown[] = [];
let processes = 0;
while (ended.size === 0) {
  others = await sampleOthers();
  processes = Math.max(processes, lookupProcesses());
}
const failures = await Promise.all(lookups);
// As the daemon ends: process.exit would wait for the lookup.
process.stdout.write(JSON.stringify({ failures, others, processes }), () => exitNow(0));

async function sampleOthers(): Promise<unknown[]> {
  return await Promise.all([
    fileSource('value', context('file')).sample(signal),
    commandSource({ command: ['echo', 'ran'] }, context('command')).sample(signal),
    httpSource(readHttp({ url: `http://localhost:${port}/` }), context('http')).sample(signal),
  ]);
}

function lookupProcesses(): number {
  const names = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return names.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('getent\0ahosts\0host');
    } catch {
      return false;
    }
  }).length;
}
