/* node install-until.ts COUNT: does that many steps of an installation, and is killed. Exits with 0 if there are not more. */
import { installSteps } from '../../src/service/install.ts';
import { loadLibc } from '../../src/service/installer-libc.ts';

const count = Number(process.argv[2]);
let done = 0;
for (const { says, run } of installSteps(await loadLibc())) {
  if (done === count) process.kill(process.pid, 'SIGKILL');
  run();
  process.stdout.write(`${says}\n`);
  done++;
}
