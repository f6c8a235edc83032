import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { startDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';

test.each([[19, '64KiB'], [20, '64KiB'], [20, '128KiB']] as const)('stuck %i %s', async (kib, pendingBytes) => {
  using folder = temporaryFolder();
  writeFileSync(folder.file('busy.mjs'), 'export default async () => { const end = performance.now() + 5; while (performance.now() < end); return 1; }');
  const data = 'x'.repeat(kib * 1024);
  await using daemon = await startDaemon({ topics: { a: { interval: '10ms', data }, b: { interval: '10ms', data }, c: { interval: '10ms', data } , busy: { interval: '10ms', module: 'busy.mjs' }}, clients: { pendingBytes, stallTimeout: '60s' } }, { folder });
  using raw = await daemon.raw();
  raw.send('chimed.register', { topics: ['a', 'b', 'c', 'busy'], name: 'x' });
  await raw.frame('a');
  const t0 = Date.now();
  let last = Date.now();
  raw.socket.on('data', () => { last = Date.now(); raw.socket.pause(); setTimeout(() => raw.socket.resume(), 6 + Math.random() * 8); });
  while (Date.now() - t0 < 8000) {
    await new Promise((res) => setTimeout(res, 100));
    if (Date.now() - last > 1500) {
      const s = await daemon.status();
      console.log(kib, pendingBytes, 'stuck after', last - t0, s.clients.find((c) => c.name === 'x'), daemon.log.items.filter((l) => l.name === 'x').slice(-3));
      expect.fail('stuck');
    }
  }
  console.log(daemon.log.items.filter((l) => l.msg.includes('slow')).length);
}, 20000);
