import { setText } from './elements.ts';

/** How the page stands with the daemon. */
export type ShownConnection =
  | { status: 'connecting' }
  | { status: 'live' }
  /** The gateway has no daemon. */
  | { status: 'waiting'; reason: string }
  /** The gateway does not answer. */
  | { status: 'lost' }
  /** The gateway wants a token. */
  | { status: 'refused' }
  /** Nobody looked at the page for a while. */
  | { status: 'paused' };

const texts: Record<ShownConnection['status'], string> = {
  connecting: 'Connecting',
  live: 'Live',
  waiting: 'Waiting for the daemon',
  lost: 'No connection to the gateway; retrying',
  refused: 'Logged out: reload the page to log in',
  paused: 'Paused while the page was hidden',
};

/** Shows the state, and says it to a screen reader when it changes. */
export function showConnection(place: HTMLElement, connection: ShownConnection): void {
  place.dataset['status'] = connection.status;
  const reason = connection.status === 'waiting' && connection.reason ? `: ${connection.reason}` : '';
  setText(place, texts[connection.status] + reason);
}
