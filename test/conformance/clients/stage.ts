import { temporaryFolder } from '../../helpers/folder.ts';
import type { Folder } from '../../helpers/folder.ts';
import { Adapter } from './adapter.ts';
import { FakeDaemon } from './fake-daemon.ts';
import type { Peer } from './peer.ts';
import { Transcript } from './transcript.ts';

/** What a case is played on: a scripted daemon and the client under test, in a temporary directory. */
export class Stage implements AsyncDisposable {
  readonly folder: Folder = temporaryFolder();
  readonly transcript = new Transcript();
  readonly daemon: FakeDaemon;
  readonly #command: string;
  #client: Adapter | undefined;

  constructor(command: string) {
    this.#command = command;
    this.daemon = new FakeDaemon(this.folder.file('s'), this.transcript);
  }

  /** The client under test. */
  get client(): Adapter {
    this.#client ??= this.start({ CHIMED_SOCKET_PATH: this.daemon.path });
    return this.#client;
  }

  /**
   * Starts the client in an environment of its own.
   * @param wrapped Makes the command that runs the client's.
   */
  start(env: NodeJS.ProcessEnv, wrapped = (command: string) => command): Adapter {
    const { CHIMED_SOCKET_PATH: _, ...inherited } = process.env;
    return (this.#client = new Adapter(wrapped(this.#command), { ...inherited, ...env }, this.transcript));
  }

  /** Creates the client without a daemon. */
  connect(name?: string): void {
    this.client.tell({ do: 'connect', ...(name !== undefined && { name }) });
  }

  /** Creates the client, and has it subscribe. */
  subscribe(...topics: string[]): void {
    this.connect();
    this.client.tell({ do: 'listen', topics });
  }

  /** Has the daemon listen, and the client subscribe. @returns the connection, once all topics are registered. */
  async subscribed(...topics: string[]): Promise<Peer> {
    await this.daemon.listen();
    this.subscribe(...topics);
    return await this.registered(1, ...topics);
  }

  /** Has the client, on its first connection, subscribe to further topics. Resolves once they are registered. */
  async alsoSubscribed(...topics: string[]): Promise<void> {
    this.client.tell({ do: 'listen', topics });
    await this.registered(1, ...topics);
  }

  /** Waits until a connection has registered topics. */
  async registered(connection: number, ...topics: string[]): Promise<Peer> {
    const peer = await this.daemon.peer(connection);
    const named = new Set<string>();
    await peer.frames.find(({ type, data }) => {
      if (type === 'chimed.register')
        for (const topic of (data as { topics: string[] }).topics) named.add(topic);
      else named.add(type); // A plain node-ipc client registers so.
      return topics.every((topic) => named.has(topic));
    });
    return peer;
  }

  /** Ends all that waits, and says why. */
  end(reason: string): void {
    this.#client?.events.end(reason);
    this.daemon.peers.end(reason);
    for (const peer of this.daemon.peers.items) peer.frames.end(reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client?.[Symbol.asyncDispose]();
    await this.daemon[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}
