import { TestDaemon } from '../../helpers/daemon.ts';
import { temporaryFolder } from '../../helpers/folder.ts';
import { Fleet } from '../fleet.ts';
import { Findings } from '../trial.ts';
import type { Trial } from '../trial.ts';

export const doubleStart: Trial = {
  name: 'double-start',
  holds:
    '100 starts at once on one path, 20 times: one owner, 99 refusals that name its pid, its clients undisturbed; also when the owner is killed meanwhile',
  async run(scale) {
    const rounds = scale.of(20, 2);
    const starts = scale.of(100, 6);
    const findings = new Findings();
    const topics = { tick: { interval: '50ms', data: 1 } };
    let refusals = 0;
    for (let round = 1; round <= rounds; round++) {
      using folder = temporaryFolder();
      await using started = new AsyncDisposableStack();
      const start = () =>
        started.use(new TestDaemon({ topics }, { socket: folder.file('s'), built: scale.full }));
      const daemons = Array.from({ length: starts }, start);
      const owner = await Promise.any(
        daemons.map(async (daemon) => (await daemon.logged('listening'), daemon)),
      );
      await using fleet = await Fleet.start({
        kind: 'socket',
        socket: owner.socket,
        count: 5,
        topics: ['tick'],
      });
      const others = daemons.filter((daemon) => daemon !== owner);
      const codes = await Promise.all(others.map(({ program }) => program.ended));
      const naming = others.filter(({ program }) =>
        program.output.stderr.includes(`a daemon with pid ${owner.program.pid} owns ${owner.socket}`),
      ).length;
      findings.hold(
        codes.every((code) => code === 1),
        `exit codes ${[...new Set(codes)].join(', ')}`,
      );
      findings.hold(naming === starts - 1, `${naming} of ${starts - 1} refusals named the owner's pid`);
      const { seq } = (await owner.status()).topics[0]!;
      await fleet.heard('tick', seq + 2);
      const report = await fleet.report();
      findings.histories(report);
      findings.hold(
        report.clients.every(({ connected }) => connected),
        "the owner's clients were disturbed",
      );

      // Again, and the owner is killed while they start: there is one owner in the end, and only one.
      const heirs = Array.from({ length: starts }, start);
      await owner.program.kill('SIGKILL').ended;
      const listening = heirs.map((heir) =>
        heir.logged('listening').then(
          () => true,
          () => false,
        ),
      );
      const refused = heirs.map(({ program }) => program.ended.then(() => true));
      const isOwner = await Promise.all(
        heirs.map((_, index) => Promise.race([listening[index]!, refused[index]!.then(() => false)])),
      );
      const owners = isOwner.filter(Boolean).length;
      findings.hold(owners <= 1, `${owners} owners`);
      refusals += starts - 1 + starts - owners;
      await Promise.all(heirs.map((heir) => heir.program.kill('SIGKILL').ended));
      const last = start();
      await last.logged('listening'); // Whatever happened, the path is free.
      scale.say(`round ${round} of ${rounds}`);
    }
    return {
      seen: `${rounds} rounds of ${starts} starts, and ${starts} more around a kill: never two owners, ${refusals} refused, the owners' clients undisturbed`,
      failures: findings.failures,
    };
  },
};
