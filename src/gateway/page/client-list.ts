import type { ClientStatus, Status } from '../../protocol/status-snapshot.ts';
import { element, find } from './elements.ts';
import { bytes, counted, spanOfTime } from './wording.ts';
import { fetchStatus } from './requests.ts';

const POLL_MS = 5000;

const heads = ['Name', 'Pid', 'Uid', 'Topics', 'Sent', 'Missed', 'Pending', 'Connected'] as const;

/** The clients of the daemon. It asks only while it is open and the page is shown. */
export class ClientList {
  readonly #section = find<HTMLDetailsElement>('clients');
  readonly #place = find('client-list');
  #isAsking = false;

  constructor() {
    this.#section.addEventListener('toggle', () => void this.#ask());
    document.addEventListener('visibilitychange', () => void this.#ask());
    setInterval(() => void this.#ask(), POLL_MS);
  }

  async #ask(): Promise<void> {
    if (!this.#section.open || document.visibilityState !== 'visible' || this.#isAsking) return;
    this.#isAsking = true;
    try {
      this.#draw(await fetchStatus());
    } catch (error) {
      const text = `The list of clients is not available: ${(error as Error).message}`;
      this.#place.replaceChildren(element('p', { class: 'problem', text }));
    } finally {
      this.#isAsking = false;
    }
  }

  #draw(status: Status): void {
    const { version, pid, uptimeSeconds, memoryBytes, clients, clientCount } = status;
    const daemon = `Daemon ${version}, pid ${pid}, up ${spanOfTime(uptimeSeconds * 1000)}, ${bytes(memoryBytes)} of memory`;
    const about = element('p', { class: 'hint', text: daemon });
    const hidden = clientCount - clients.length;
    const left = `${counted(hidden, 'more client')} connected. Only clients of the same user are listed.`;
    this.#place.replaceChildren(
      about,
      ...(clients.length > 0 ? [tableOf(clients)] : []),
      ...(hidden > 0 ? [element('p', { class: 'hint', text: left })] : []),
    );
  }
}

function tableOf(clients: readonly ClientStatus[]): HTMLElement {
  const cells = heads.map((text) => element('th', { text, attributes: { scope: 'col' } }));
  const now = Date.now();
  const table = element(
    'table',
    { attributes: { 'aria-label': 'Clients' } },
    element('thead', {}, element('tr', {}, ...cells)),
    element('tbody', {}, ...clients.map((client) => rowOf(client, now))),
  );
  return element(
    'div',
    { class: 'scrolling', attributes: { tabindex: '0', role: 'region', 'aria-label': 'Clients' } },
    table,
  );
}

function rowOf(client: ClientStatus, now: number): HTMLElement {
  const { id, name, pid, uid, topics, patternCount, sent, skipped, pendingBytes, since, onBehalf } = client;
  const more = patternCount > topics.length ? ` and ${patternCount - topics.length} more` : '';
  const texts = [
    (name ?? `client ${id}`) + (onBehalf ? ' (through the gateway)' : ''),
    String(pid ?? '–'),
    String(uid ?? '–'),
    topics.length === 0 ? '–' : topics.join(', ') + more,
    sent.toLocaleString('en'),
    skipped.toLocaleString('en'),
    bytes(pendingBytes),
    spanOfTime(now - since),
  ];
  const cells = texts.map((text, index) => element(index === 0 ? 'th' : 'td', { text }));
  cells[0]!.setAttribute('scope', 'row');
  return element('tr', skipped > 0 ? { class: 'behind' } : {}, ...cells);
}
