import type { ServiceManager } from '../linux/notify.ts';
import { RELOAD_FAILED, patientTell, reloadingState } from '../linux/tell-manager.ts';
import type { Tell } from '../linux/tell-manager.ts';
import type { EventLog } from '../log-events.ts';
import type { Health } from './health.ts';

/** How often the status line is looked at, at least. */
const STATUS_MS = 5000;
/** How much longer than the flush stopping may take. */
const STOP_MARGIN_MS = 5000;

/**
 * Tells the service manager how we are: ready, reloading, stopping, a line of status, and that we live. The
 * sign of life comes from a timer of the event loop, and only if every topic's tick comes too: a loop that is
 * blocked or a schedule that stands still gets us ended and started again.
 */
export class Supervision {
  readonly #manager: ServiceManager;
  readonly #health: () => Health;
  readonly #logger: EventLog;
  readonly #tell: Tell;
  #heartbeat: NodeJS.Timeout | undefined;
  #reloadFailed = false;
  #status = '';
  /** What the rate of messages is counted from. */
  #since = { messages: 0, at: 0 };

  constructor(manager: ServiceManager, health: () => Health, logger: EventLog) {
    this.#manager = manager;
    this.#health = health;
    this.#logger = logger;
    this.#tell = patientTell(manager, logger);
  }

  ready(): void {
    this.#since = { messages: this.#health().messages, at: performance.now() };
    this.#tell({ READY: 1 });
    const { watchdogMs = Infinity } = this.#manager;
    this.#heartbeat = setInterval(
      // After the timers that are due with it: what is merely late is not taken for dead.
      () => setImmediate(() => this.#beat(watchdogMs)),
      Math.min(watchdogMs / 3, STATUS_MS),
    ).unref();
    this.#beat(watchdogMs);
  }

  reloading(): void {
    this.#tell(reloadingState());
  }

  reloaded({ failed }: { failed: boolean }): void {
    this.#reloadFailed = failed;
    this.#since = { messages: this.#health().messages, at: performance.now() };
    this.#tell({ READY: 1 });
    this.#tellStatus(this.#health(), 0);
  }

  /** @param timeoutMs Longest time that stopping will take. */
  stopping(timeoutMs: number): void {
    clearInterval(this.#heartbeat);
    const longest = (timeoutMs + STOP_MARGIN_MS) * 1000;
    this.#tell({ STOPPING: 1, STATUS: 'stopping', EXTEND_TIMEOUT_USEC: longest });
  }

  #beat(watchdogMs: number): void {
    const health = this.#health();
    if (health.overdueMs < watchdogMs / 2) this.#tell({ WATCHDOG: 1 });
    else
      this.#logger.error(
        { event: 'schedule-stands-still', overdueMs: Math.round(health.overdueMs) },
        'the schedule stands still',
      );
    const now = performance.now();
    const rate = ((health.messages - this.#since.messages) / (now - this.#since.at)) * 1000;
    this.#since = { messages: health.messages, at: now };
    this.#tellStatus(health, Number.isFinite(rate) ? rate : 0);
  }

  #tellStatus(health: Health, rate: number): void {
    const status = describe(health, rate, this.#reloadFailed);
    if (status === this.#status) return;
    this.#status = status;
    this.#tell({ STATUS: status });
  }
}

/**
 * What `systemctl status` shows, in one line. Every local user can read it, so it has no topic's name and no error: the
 * journal has them.
 */
function describe({ clients, topics, awake, failing }: Health, rate: number, reloadFailed: boolean): string {
  const status = [
    reloadFailed && RELOAD_FAILED,
    `${counted(clients, 'client')}, ${counted(topics, 'topic')} (${awake} awake), ${rate.toFixed(1)} messages/s`,
    failing > 0 && `${counted(failing, 'topic')} failing (see the journal)`,
  ];
  return status.filter(Boolean).join('; ');
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
