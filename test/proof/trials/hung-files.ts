import { HungFileSystem, noHungFileSystem } from '../../helpers/hung-fs.ts';
import { Findings } from '../trial.ts';
import type { Trial } from '../trial.ts';

const FILES = 8;
const SHUTDOWN_MS = 1000;

export const hungFiles: Trial = {
  name: 'hung-files',
  holds:
    'eight files and a command on a file system that never answers: each fails at its timeout, healthy files and commands continue, and the daemon ends within shutdown.timeout plus a second',
  async run(scale) {
    const findings = new Findings();
    if (noHungFileSystem !== undefined) return { seen: `SKIPPED: ${noHungFileSystem}`, failures: [] };
    await using fs = await HungFileSystem.mount('read');
    const hung = { interval: '200ms', timeout: '500ms', always: true };
    const healthy = {
      file: { interval: '100ms', always: true, file: '/proc/sys/kernel/ostype' },
      command: { interval: '100ms', always: true, command: 'echo 1' },
    };
    const files = Array.from({ length: FILES }, (_, index) => [`f${index}`, { ...hung, file: fs.file }]);
    await using daemon = await scale.start({
      topics: { ...Object.fromEntries(files), cat: { ...hung, command: ['cat', fs.file] }, ...healthy },
      shutdown: { timeout: `${SHUTDOWN_MS}ms` },
    });
    await using client = daemon.connect();
    const begun = performance.now();
    let heard = 0;
    for await (const { topic } of client.listen(Object.keys(healthy)))
      if (topic === 'command' && ++heard === scale.of(300, 60)) break;
    const seconds = (performance.now() - begun) / 1000;
    const { topics } = await daemon.status();
    const failing = topics.filter(({ lastError }) => lastError?.includes('still hangs'));
    findings.hold(failing.length === FILES + 1, `only ${failing.map(({ topic }) => topic).join(', ')} hang`);
    for (const { topic, failures } of topics)
      if (topic in healthy) findings.hold(failures === 0, `${topic} failed ${failures} times`);
    const file = topics.find(({ topic }) => topic === 'file')!;
    findings.hold(!scale.full || file.skippedTicks === 0, `${file.skippedTicks} ticks of a healthy file`);
    const told = performance.now();
    const code = await daemon.program.kill().ended;
    const took = performance.now() - told;
    findings.hold(code === 0, `the daemon ended with ${code}`);
    findings.hold(!scale.full || took < SHUTDOWN_MS + 1000, `the daemon took ${took.toFixed(0)} ms to end`);
    return {
      seen: `${seconds.toFixed(0)} s beside ${failing.length} hung sources: ${file.seq} samples of a healthy file, ${file.skippedTicks} skipped; ended in ${took.toFixed(0)} ms`,
      failures: findings.failures,
    };
  },
};
