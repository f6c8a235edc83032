import { Adapter } from '../../conformance/clients/adapter.ts';
import type { Reported } from '../../conformance/clients/adapter.ts';
import { Transcript } from '../../conformance/clients/transcript.ts';
import { History } from '../history.ts';
import { slowRounds } from '../slow-rounds.ts';
import { Findings } from '../trial.ts';
import type { Outcome, Scale } from '../trial.ts';

/**
 * `slow-clients` with clients of several languages, each in a process of its own that is stopped nine tenths of the time.
 * @param adapters Commands that start the adapters of these clients, by their names.
 */
export async function slowLanguages(
  scale: Scale,
  adapters: Readonly<Record<string, string>>,
): Promise<Outcome> {
  const rounds = scale.of(200, 12);
  const findings = new Findings();
  const topics = { a: { publish: true }, b: { publish: true }, end: { publish: true } };
  await using daemon = await scale.start({ topics, clients: { pendingBytes: '64KiB' } });
  await using clients = new AsyncDisposableStack();
  const heard = Object.entries(adapters).map(([name, command]) => {
    const transcript = new Transcript();
    const env = { ...process.env, CHIMED_SOCKET_PATH: daemon.socket };
    const adapter = clients.use(new Adapter(command, env, transcript));
    adapter.tell({ do: 'connect', name });
    adapter.tell({ do: 'listen', topics: Object.keys(topics) });
    return { name, adapter };
  });
  await using publisher = daemon.connect({ name: 'publisher' });
  await publisher.publish('end', 0);
  for (const { adapter } of heard) await adapter.messages(1, 'end');
  const signal = async (name: NodeJS.Signals): Promise<void> => {
    for (const { adapter } of heard) adapter.signal(name);
  };
  const frozen = { freeze: () => signal('SIGSTOP'), thaw: () => signal('SIGCONT') };
  const last = await slowRounds(rounds, publisher, frozen);
  // All read on: the newest of each topic arrives, and after it nothing is left to be skipped.
  for (const { adapter } of heard)
    for (const topic of ['a', 'b']) await adapter.event('message', { topic, seq: last });
  await publisher.publish('end', 1);
  for (const { adapter } of heard) await adapter.event('message', { topic: 'end', data: 1 });
  const status = await daemon.status();
  const seen = heard.map(({ name, adapter }) => {
    const history = new History();
    for (const message of adapter.heard) history.hear(message as Reported & { instance: string });
    findings.failures.push(...history.violations.map((violation) => `${name}: ${violation}`));
    const connections = status.clients.filter((client) => client.name === name);
    const skipped = connections.reduce((sum, client) => sum + client.skipped, 0);
    findings.hold(connections.length === 1, `${name} has ${connections.length} connections`);
    findings.hold(
      history.missed === skipped,
      `${name} missed ${history.missed}, but the daemon skipped ${skipped}`,
    );
    findings.hold(history.missed > 0, `${name} was not slow: it missed nothing`);
    return `${name} ${history.missed}`;
  });
  return {
    seen: `${2 * last} messages each; missed by the client, and skipped by the daemon: ${seen.join(', ')}`,
    failures: findings.failures,
  };
}
