import { messageOf } from '../errors.ts';
import type { EventLog } from '../log-events.ts';
import type { ServiceManager } from './notify.ts';

/** Tells the service manager something, see sd_notify(3). */
export type Tell = ServiceManager['notify'];

/** What `systemctl status` shows after a reload that has changed nothing. */
export const RELOAD_FAILED = 'the reload failed, the old configuration stays (see the journal)';

/** A service manager that does not listen is no reason to stop: it ends us itself, if it wants to. It is logged once. */
export function patientTell(manager: ServiceManager | undefined, logger: EventLog): Tell {
  let isFailing = false;
  return (state) => {
    try {
      manager?.notify(state);
      isFailing = false;
    } catch (error) {
      if (!isFailing)
        logger.warn({ event: 'no-notifications', error: messageOf(error) }, 'systemd cannot be notified');
      isFailing = true;
    }
  };
}

/** What it is told when a reload begins. */
export function reloadingState(): Parameters<Tell>[0] {
  const now = process.hrtime.bigint() / 1000n; // CLOCK_MONOTONIC, as systemd wants it
  return { RELOADING: 1, MONOTONIC_USEC: String(now) };
}
