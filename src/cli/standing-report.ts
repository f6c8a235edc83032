import type { Client } from '../client/api.ts';
import type { State } from '../client/connection-state.ts';
import { ChimedError } from '../errors.ts';
import { isWildcard } from '../protocol/names.ts';
import { note } from './note.ts';
import { printable } from './printable.ts';

const NEW_NUMBERING = 'the daemon began a new numbering: some messages may be lost, the number is unknown';

/** How a client that waits for its daemon has fared. */
export interface ConnectionStanding {
  /** Why it has not reached a daemon so far; undefined once it has. */
  unreached: ChimedError | undefined;
  /** This user may not connect. Waiting does not help, so the client was closed. */
  isRefused: boolean;
}

/** Says on stderr what becomes of the connection and of the sources, for a command that listens until it is stopped. */
export function reportStanding(client: Client, patterns: readonly string[]): ConnectionStanding {
  const standing: ConnectionStanding = {
    unreached: new ChimedError('timeout', 'no daemon answered in time'),
    isRefused: false,
  };
  client.on('failing', ({ topic, error }) => note(`${topic} is failing: ${printable(error)}`));
  client.on('recovered', ({ topic }) => note(`${topic} has recovered`));
  client.on('state', (state) => {
    if (state.status === 'ready') standing.unreached = undefined;
    if (state.status !== 'waiting' || !standing.unreached) return;
    standing.unreached = state.error;
    if (state.error.code !== 'not-permitted') return;
    standing.isRefused = true;
    void client.close();
  });
  client.on('state', connectionReporter(client, patterns));
  return standing;
}

function connectionReporter(client: Client, patterns: readonly string[]): (state: State) => void {
  let waiting = false;
  let known = false;
  return (state) => {
    if (client.state.status === 'closed') return;
    if (state.status === 'waiting' && !waiting) {
      waiting = true;
      note(`${state.error.message}; retrying`);
    } else if (state.status === 'ready') {
      if (known) note(`connected again${state.resumed ? '' : `; ${NEW_NUMBERING}`}`);
      else if (waiting) note('connected');
      waiting = false;
      known = true;
      // A topic that does not exist is an error; a pattern may match after the next reload.
      if (client.topics.length === 0 && patterns.every(isWildcard))
        note(`no topic matches ${patterns.join(' ')} yet`);
    }
  };
}
