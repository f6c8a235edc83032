import type { Client } from '../../src/index.ts';
import { startDaemon } from '../helpers/daemon.ts';
import type { TestDaemon } from '../helpers/daemon.ts';
import { Inbox } from '../helpers/inbox.ts';
import { Program, builtCli, cli } from '../helpers/program.ts';

/** What the topic `fleet.link` says, as far as trials look at it. */
export interface LinkState {
  connected: 0 | 1;
  error: string | null;
  published: number;
  received: number;
  skipped: number;
  dropped: number;
  /** Topics that other machines hear of this one now. */
  exported: number;
  machines: Record<string, { here: 0 | 1; topics: number; wanted: number }>;
}

export interface MachineOptions {
  name: string;
  /** URLs of NATS servers. */
  servers: readonly string[];
  topics?: object;
  /** Further settings of `nats:`. @default everything is exported and imported */
  nats?: object;
  /** Further settings of the file. */
  settings?: object;
  /** Runs what `npm run build` has made, and not the sources. */
  built?: boolean;
}

/** Clients and namespaces enough for every trial. */
const LIMITS = { max: 1000, maxPerUser: 1000 };
const NAMESPACE = { provide: true, maxTopics: 30_000, totalBytes: '256MiB' };

/**
 * A machine of a fleet: a daemon and its bridge, each a process of its own, in a directory of their own. That is all that
 * tells real machines apart for them, since the bridge only connects to a server; so no network namespaces are needed. Links
 * are broken by a relay.
 */
export class FleetMachine implements AsyncDisposable {
  readonly name: string;
  readonly daemon: TestDaemon;
  readonly client: Client;
  /** What `fleet.link` has said. */
  readonly link = new Inbox<LinkState>();
  readonly #built: boolean;
  #bridge: Program;

  private constructor(daemon: TestDaemon, { name, built = false }: MachineOptions) {
    this.name = name;
    this.daemon = daemon;
    this.#built = built;
    this.client = daemon.connect({ name: 'trial' });
    this.#bridge = this.#run();
    void this.#follow();
  }

  /** Starts a machine. Its bridge need not be connected yet: see `linked`. */
  static async start(options: MachineOptions): Promise<FleetMachine> {
    const { built = false } = options;
    return new FleetMachine(await startDaemon(FleetMachine.config(options), { built }), options);
  }

  /** What daemon and bridge read. */
  static config({ name, servers, topics = {}, nats = {}, settings = {} }: MachineOptions): object {
    const fleet = { export: '>', import: [{ from: '*', topics: '>' }] };
    return {
      clients: LIMITS,
      topics: { 'remote.>': NAMESPACE, ...topics },
      nats: { servers, name, ...fleet, ...nats },
      ...settings,
    };
  }

  get bridge(): Program {
    return this.#bridge;
  }

  /** The latest state of the link. */
  get state(): LinkState | undefined {
    return this.link.items.at(-1);
  }

  /** Waits until the state of the link is so. @param from Index of the first state that counts. */
  linkIs(
    isSo: (state: LinkState) => boolean,
    from = Math.max(this.link.items.length - 1, 0),
  ): Promise<LinkState> {
    return this.link.find(isSo, from);
  }

  linked(): Promise<LinkState> {
    return this.linkIs(({ connected }) => connected === 1);
  }

  /** Waits until another machine is there, with so many topics. */
  sees(machine: string, topics = 0): Promise<LinkState> {
    return this.linkIs(({ machines }) => {
      const { here, topics: count = 0 } = machines[machine] ?? {};
      return here === 1 && count >= topics;
    });
  }

  /** Ends the bridge and starts another one. */
  async restartBridge(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.stopBridge(signal);
    this.#bridge = this.#run();
  }

  async stopBridge(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals> {
    return await this.#bridge.kill(signal).ended;
  }

  #run(): Program {
    const { configFile, socket } = this.daemon;
    const args = ['nats', '--config', configFile, '--socket', socket, '--log-format', 'json'];
    return new Program([this.#built ? builtCli : cli, ...args]);
  }

  async #follow(): Promise<void> {
    try {
      for await (const { data } of this.client.listen<LinkState>('fleet.link')) this.link.push(data);
      this.link.end('the client was closed');
    } catch (error) {
      this.link.end(String(error));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
    await this.#bridge[Symbol.asyncDispose]();
    await this.daemon[Symbol.asyncDispose]();
  }
}
