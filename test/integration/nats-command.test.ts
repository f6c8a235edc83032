import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';

import { temporaryFolder } from '../helpers/folder.ts';
import { Program, chimed, cli } from '../helpers/program.ts';

/** A port where no NATS server listens. */
const nats = { servers: 'nats://127.0.0.1:1', name: 'web1', user: '0' };

test('refuses to start without nats.servers, and says what to write', async () => {
  using folder = temporaryFolder();
  const file = folder.file('chimed.yaml');
  writeFileSync(file, 'topics: {}\n');
  const { exitCode, stderr } = await chimed(['nats', '--config', file]);
  expect(exitCode).toBe(78);
  expect(stderr).toBe(
    `chimed: nats.servers is not set in ${file}; write, for example, \`nats: { servers: nats://nats.example:4222, export: host.> }\``,
  );
});

test('runs without a daemon and without a NATS server, reloads at SIGHUP, and stops at SIGTERM', async () => {
  using folder = temporaryFolder();
  const file = folder.file('chimed.yaml');
  const write = (config: object): void => writeFileSync(file, JSON.stringify(config));
  write({ nats });
  const args = ['nats', '--config', file, '--socket', folder.file('s'), '--log-format', 'json'];
  await using program = new Program([cli, ...args]);
  // It handles SIGHUP from the start: until then, the signal would end it.
  await expect.poll(() => handles(program.child.pid!, 1), { timeout: 30_000 }).toBe(true);
  program.kill('SIGHUP');
  await program.stdout.find((line) => line.includes('"event":"reloaded"'));
  write({ nats: { ...nats, export: 'fleet.>' } });
  program.kill('SIGHUP');
  const mistake = await program.stdout.find((line) => line.includes('"event":"reload-failed"'));
  expect(mistake).toContain('nats.export: expected a topic or pattern');
  write({ topics: {} });
  program.kill('SIGHUP');
  await program.stdout.find((line) => line.includes('nats.servers is not set in'));
  program.kill('SIGTERM');
  expect(await program.ended).toBe(0);
  expect(program.stdout.items.at(-1)).toContain('"event":"stopped"');
});

/** Reports whether a process catches a signal. */
function handles(pid: number, signal: number): boolean {
  const [, mask = '0'] = /^SigCgt:\s*(\w+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
}
