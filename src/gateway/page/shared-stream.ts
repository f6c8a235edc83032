import type { ShownConnection } from './connection-display.ts';
import { GatewayStream } from './gateway-stream.ts';
import type { GatewayEvent } from './gateway-events.ts';
import { Onlookers } from './onlookers.ts';

/** Events that a tab which joins keeps until it has the state; one that waits longer asks again. */
const MOST_EARLY_EVENTS = 1000;

type Note<Copy> =
  /** From the tab that leads. */
  | { kind: 'event'; event: GatewayEvent }
  | { kind: 'connection'; connection: ShownConnection }
  | { kind: 'interrupted' }
  | { kind: 'leader' }
  | { kind: 'state'; to: string; copy: Copy; connection: ShownConnection; lastId: string }
  /** From one that has come later. */
  | { kind: 'join'; from: string }
  /** From each that is shown or hidden. */
  | { kind: 'onlookers' };

export interface SharedStreamListener<Copy> {
  event: (event: GatewayEvent) => void;
  connection: (connection: ShownConnection) => void;
  /** From now on topics may sleep. */
  interrupted: () => void;
  /** All that this tab knows, for one that joins. */
  copy: () => Copy;
  restore: (copy: Copy) => void;
}

/**
 * One stream for all tabs of a browser, which opens six connections to a server at most. The tab that holds a lock
 * leads: it listens, and tells the others. When it is closed the lock goes to another, which resumes after the last event.
 */
export class SharedStream<Copy> {
  readonly #listener: SharedStreamListener<Copy>;
  readonly #channel = new BroadcastChannel('chimed');
  readonly #id = Math.random().toString(36).slice(2);
  #connection: ShownConnection = { status: 'connecting' };
  #lastId = '';
  /** Present in the tab that leads. */
  #stream: GatewayStream | undefined;
  /** Events that came before the state; undefined once it is there. */
  #early: GatewayEvent[] | undefined = [];
  readonly #onlookers: Onlookers;

  constructor(listener: SharedStreamListener<Copy>) {
    this.#listener = listener;
    this.#onlookers = new Onlookers(
      () => this.#pause(),
      () => this.#resume(),
    );
  }

  start(): void {
    this.#channel.addEventListener('message', ({ data }) => this.#hear(data as Note<Copy>));
    this.#onlookers.start(() => this.#tell({ kind: 'onlookers' }));
    // Without a secure origin there are no locks: then each tab listens for itself.
    if (!('locks' in navigator)) return this.#lead();
    void navigator.locks.request('chimed-leader', () => {
      this.#lead();
      return new Promise<never>(() => {}); // Until the tab is closed.
    });
    this.#tell({ kind: 'join', from: this.#id });
  }

  /** Is called once this tab has the lock. */
  #lead(): void {
    this.#early = undefined;
    const listener = {
      event: (event: GatewayEvent): void => {
        this.#tell({ kind: 'event', event });
        this.#takeEvent(event);
      },
      connection: (connection: ShownConnection): void => this.#announce(connection),
    };
    this.#stream = new GatewayStream(listener, this.#lastId);
    this.#tell({ kind: 'leader' });
    this.#stream.open();
    this.#onlookers.watch();
  }

  #hear(note: Note<Copy>): void {
    if (note.kind === 'onlookers') void this.#onlookers.count();
    else if (note.kind === 'join') this.#welcome(note.from);
    else if (this.#stream !== undefined)
      return; // It leads, and hears nobody else.
    else if (note.kind === 'leader' && this.#early) this.#tell({ kind: 'join', from: this.#id });
    else if (note.kind === 'connection') this.#takeConnection(note.connection);
    else if (note.kind === 'interrupted') this.#listener.interrupted();
    else if (note.kind === 'event') this.#hearEvent(note.event);
    else if (note.kind === 'state' && note.to === this.#id) this.#takeState(note);
  }

  #hearEvent(event: GatewayEvent): void {
    if (this.#early === undefined) return this.#takeEvent(event);
    this.#early.push(event);
    if (this.#early.length < MOST_EARLY_EVENTS) return;
    this.#early = [];
    this.#tell({ kind: 'join', from: this.#id });
  }

  #welcome(to: string): void {
    if (this.#stream === undefined) return;
    const [connection, lastId] = [this.#connection, this.#lastId];
    this.#tell({ kind: 'state', to, copy: this.#listener.copy(), connection, lastId });
  }

  #takeState({ copy, connection, lastId }: Extract<Note<Copy>, { kind: 'state' }>): void {
    if (this.#early === undefined) return;
    this.#listener.restore(copy);
    this.#lastId = lastId;
    const early = this.#early;
    this.#early = undefined;
    this.#takeConnection(connection);
    // Those that are in the state already are known by their numbers.
    for (const event of early) if (event.name !== 'missed') this.#takeEvent(event);
  }

  #takeEvent(event: GatewayEvent): void {
    this.#lastId = event.id;
    this.#listener.event(event);
  }

  #takeConnection(connection: ShownConnection): void {
    this.#connection = connection;
    this.#listener.connection(connection);
  }

  #announce(connection: ShownConnection): void {
    this.#tell({ kind: 'connection', connection });
    this.#takeConnection(connection);
  }

  #pause(): void {
    if (!this.#stream?.isOpen) return;
    this.#stream.close();
    this.#announce({ status: 'paused' });
    this.#tell({ kind: 'interrupted' });
    this.#listener.interrupted();
  }

  #resume(): void {
    if (this.#stream === undefined || this.#stream.isOpen) return;
    this.#announce({ status: 'connecting' });
    this.#stream.open();
  }

  #tell(note: Note<Copy>): void {
    this.#channel.postMessage(note);
  }
}
