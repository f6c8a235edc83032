import type { InheritedSocket } from '../linux/activation.ts';
import { loadIfSupported, useIfSupported } from '../linux/if-supported.ts';
import type { ServiceManager } from '../linux/notify.ts';
import type * as ProcessCalls from '../linux/process-calls.ts';
import type { EventLog } from '../log-events.ts';

/** What libc does with processes; also has those that commands leave behind become our children. */
export async function processCalls(logger: EventLog): Promise<typeof ProcessCalls | undefined> {
  return await loadIfSupported(
    async () => {
      const [{ keepOrphans }, calls] = await Promise.all([
        import('../linux/orphans.ts'),
        import('../linux/process-calls.ts'),
      ]);
      keepOrphans();
      return calls;
    },
    'no-orphans',
    'processes that leave the group of their command are not found, and a file system that does not answer can keep the daemon from exiting',
    logger,
  );
}

/** The socket that systemd passes, if it does. */
export async function inheritedSocket(logger: EventLog): Promise<InheritedSocket | undefined> {
  if (!process.env['LISTEN_FDS']) return undefined;
  const activation = await loadIfSupported(
    () => import('../linux/activation.ts'),
    'no-socket-activation',
    'the socket from systemd cannot be used',
    logger,
  );
  return activation?.takeInheritedSocket();
}

/** systemd, if it wants to know how we are. */
export async function serviceManager(logger: EventLog): Promise<ServiceManager | undefined> {
  if (!process.env['NOTIFY_SOCKET']) return undefined;
  const notify = await loadIfSupported(
    () => import('../linux/notify.ts'),
    'no-notifications',
    'systemd cannot be notified',
    logger,
  );
  return notify?.openServiceManager();
}

/** Gives back what starting took of memory and has freed. */
export async function releaseMemory(): Promise<void> {
  await useIfSupported(
    () => import('../linux/malloc.ts'),
    ({ releaseFree }) => releaseFree(),
  );
}
