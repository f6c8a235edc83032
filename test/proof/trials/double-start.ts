import { TestDaemon } from '../../helpers/daemon.ts';
import { temporaryFolder } from '../../helpers/folder.ts';
import { Fleet } from '../fleet.ts';
import { Findings } from '../trial.ts';
import type { Trial } from '../trial.ts';

const topics = { tick: { interval: '50ms', data: 1 } };

export const doubleStart: Trial = {
  name: 'double-start',
  holds:
    '100 starts at once on one path, 20 times: one owner, 99 refusals that name its pid, its clients undisturbed; in every fourth round 100 more, while the owner is killed',
  async run(scale) {
    const rounds = scale.of(20, 1);
    const starts = scale.of(100, 6);
    const findings = new Findings();
    const counts = { refused: 0, aroundKill: 0 };
    for (let round = 1; round <= rounds; round++) {
      using folder = temporaryFolder();
      await using started = new AsyncDisposableStack();
      const start = (): TestDaemon => started.use(new TestDaemon({ topics }, { socket: folder.file('s') }));
      const owner = await oneOwner(Array.from({ length: starts }, start), findings);
      counts.refused += starts - 1;
      if (round % 4 === 0 || !scale.full) {
        await ownerKilled(owner, () => Array.from({ length: starts }, start), findings);
        counts.aroundKill += starts;
        await start().logged('listening'); // Whatever happened, the path is free.
      }
      scale.say(`round ${round} of ${rounds}`);
    }
    return {
      seen: `${rounds} rounds of ${starts} starts: one owner each, ${counts.refused} refusals that name its pid, its clients undisturbed; ${counts.aroundKill} starts around a kill: never two owners`,
      failures: findings.failures,
    };
  },
};

/** One of them has the path, and all others say that it does. */
async function oneOwner(daemons: readonly TestDaemon[], findings: Findings): Promise<TestDaemon> {
  const owner = await Promise.any(daemons.map(async (daemon) => (await daemon.logged('listening'), daemon)));
  const { socket, program } = owner;
  await using fleet = await Fleet.start({ kind: 'socket', socket, count: 5, topics: ['tick'] });
  const others = daemons.filter((daemon) => daemon !== owner);
  const codes = await Promise.all(others.map((other) => other.program.ended));
  const naming = others.filter((other) =>
    other.program.output.stderr.includes(`a daemon with pid ${program.pid} owns ${socket}`),
  ).length;
  findings.hold(
    codes.every((code) => code === 1),
    `exit codes ${[...new Set(codes)].join(', ')}`,
  );
  findings.hold(naming === others.length, `${naming} of ${others.length} refusals named the owner's pid`);
  const { seq } = (await owner.status()).topics[0]!;
  await fleet.heard('tick', seq + 2);
  const report = await fleet.report();
  findings.histories(report);
  findings.hold(
    report.clients.every(({ connected }) => connected),
    "the owner's clients were disturbed",
  );
  return owner;
}

/** The owner is killed while others start, as soon as one was refused: then one has the path, or none, and never two. */
async function ownerKilled(
  owner: TestDaemon,
  start: () => readonly TestDaemon[],
  findings: Findings,
): Promise<void> {
  const heirs = start();
  // Some have been refused by then, others have yet to look.
  await Promise.any(heirs.map((heir) => heir.program.ended));
  await owner.program.kill('SIGKILL').ended;
  const owns = await Promise.all(
    heirs.map((heir) =>
      Promise.race([
        heir.logged('listening').then(
          () => true,
          () => false,
        ),
        heir.program.ended.then(() => false),
      ]),
    ),
  );
  const owners = owns.filter(Boolean).length;
  findings.hold(owners <= 1, `${owners} owners`);
  await Promise.all(heirs.map((heir) => heir.program.kill('SIGKILL').ended));
}
