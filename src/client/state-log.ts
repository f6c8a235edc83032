import type { ChimedError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { State } from './connection-state.ts';

/** Logs how the connection is. Without a logger, the process warns once that there is no daemon. */
export class StateLog {
  readonly #logger: Logger | undefined;
  #warned = false;

  constructor(logger: Logger | undefined) {
    this.#logger = logger;
  }

  entered(state: State): void {
    const logger = this.#logger;
    if (state.status === 'ready') {
      const { client, instance, resumed } = state;
      logger?.info({ client, instance, resumed }, 'connected to chimed');
    } else if (state.status === 'waiting') {
      const { attempt, error, delayMs } = state;
      if (!logger) return this.#warnOnce(error);
      const fields = { code: error.code, delayMs };
      logger[attempt === 1 ? 'warn' : 'debug'](fields, `waiting for chimed: ${error.message}`);
    }
  }

  /** A program that waits for a daemon that is not there looks like one that hangs. */
  #warnOnce({ message }: ChimedError): void {
    if (this.#warned) return;
    this.#warned = true;
    process.emitWarning(`${message}; retrying`, { type: 'ChimedWarning', code: 'CHIMED_WAITING' });
  }
}
