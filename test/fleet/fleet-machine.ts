import type { Client } from '../../src/index.ts';
import { startDaemon } from '../helpers/daemon.ts';
import type { TestDaemon } from '../helpers/daemon.ts';
import { within } from './within.ts';
import { Inbox } from '../helpers/inbox.ts';
import { Program, cli } from '../helpers/program.ts';

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
}

/** Machines that are started at once: each is two processes. */
const AT_ONCE = 4;
const CONNECT_MS = 30_000;
/** Clients enough for every trial. */
const LIMITS = { max: 1000, maxPerUser: 1000 };

/**
 * A machine of a fleet: a daemon and its bridge, each a process of its own, in a directory of their own. That is all that
 * tells real machines apart for them, since the bridge only connects to a server; so no network namespaces are needed. Links
 * are broken by a relay. Both run what `npm run build` has made.
 */
export class FleetMachine implements AsyncDisposable {
  readonly name: string;
  readonly daemon: TestDaemon;
  readonly client: Client;
  /** What `fleet.link` has said. */
  readonly link = new Inbox<LinkState>();
  #bridge: Program;

  private constructor(daemon: TestDaemon, name: string) {
    this.name = name;
    this.daemon = daemon;
    this.client = daemon.connect({ name: 'trial' });
    this.#bridge = this.#run();
    void this.#follow();
  }

  /** Starts a machine. Its bridge need not be connected yet: see `linked`. */
  static async start(options: MachineOptions): Promise<FleetMachine> {
    return new FleetMachine(await startDaemon(FleetMachine.config(options)), options.name);
  }

  /** Starts machines, some at a time, waits until they are connected, and has the stack end them. */
  static async startAll(
    all: readonly MachineOptions[],
    stack: AsyncDisposableStack,
  ): Promise<FleetMachine[]> {
    const machines: FleetMachine[] = [];
    for (let from = 0; from < all.length; from += AT_ONCE) {
      const some = await Promise.all(
        all.slice(from, from + AT_ONCE).map(async (options) => stack.use(await FleetMachine.start(options))),
      );
      for (const machine of some) await within(CONNECT_MS, `${machine.name} connects`, machine.linked());
      machines.push(...some);
    }
    return machines;
  }

  /** What daemon and bridge read. */
  static config({ name, servers, topics = {}, nats = {}, settings = {} }: MachineOptions): object {
    const fleet = { export: '>', import: [{ from: '*', topics: '>' }] };
    return {
      clients: LIMITS,
      topics,
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
    return new Program([cli, ...args]);
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
