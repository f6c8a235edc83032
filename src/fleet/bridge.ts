import { randomBytes } from 'node:crypto';

import { BoundedLog } from '../bounded-log.ts';
import type { Client } from '../client/api.ts';
import { connect } from '../client/client.ts';
import type { Config, NatsConfig } from '../config/config.ts';
import { ChimedError } from '../errors.ts';
import type { ClockQuality } from '../linux/clock.ts';
import type { EventFields, EventLog } from '../log-events.ts';
import { withFields } from '../log.ts';
import { REMOTE } from '../protocol/fleet-names.ts';
import { socketPaths } from '../protocol/paths.ts';
import { Presence } from './presence.ts';
import { Catalog } from './catalog.ts';
import { Demand } from './demand.ts';
import { Exporter } from './exporter.ts';
import { fleetSentence, fleetState } from './fleet-state.ts';
import type { FleetParts } from './fleet-state.ts';
import { Importer } from './importer.ts';
import { Leases } from './leases.ts';
import { LinkTopic } from './link-topic.ts';
import { LocalTopics } from './local-topics.ts';
import type { Machine } from './machine.ts';
import { Machines } from './machines.ts';
import { NatsLink } from './nats-link.ts';
import { Stream } from './stream.ts';
import { Subjects } from './subjects.ts';

/** What the daemon calls us. */
const NAME = 'chimed nats';
/** How often who supervises us is told how we are, at most, in milliseconds. */
const STATUS_MS = 1000;

export interface BridgeOptions {
  /** Must have `nats`. */
  config: Config;
  /** Path of the daemon's socket. @default the usual places */
  socket?: string;
  logger: EventLog;
  /** Is told in a line how the bridge is. */
  status?: (text: string) => void;
  /** How far the machine's clock can be trusted. @default nobody knows */
  clock?: () => ClockQuality | undefined;
}

/**
 * Carries topics between the local daemon and other machines. It is a client of the daemon, and of a NATS server: wires its
 * parts, starts them, and stops them in reverse.
 */
export class Bridge {
  readonly #nats: NatsConfig;
  #config: NatsConfig;
  readonly #logger: EventLog;
  readonly #client: Client;
  readonly #link: NatsLink;
  readonly #stream: Stream | undefined;
  readonly #presence: Presence;
  readonly #machines: Machines;
  readonly #leases: Leases;
  readonly #demand: Demand;
  readonly #catalog: Catalog;
  readonly #local: LocalTopics;
  readonly #exporter: Exporter;
  readonly #importer: Importer;
  readonly #linkTopic: LinkTopic;
  /** What says how the fleet is. */
  readonly #parts: FleetParts;
  readonly #ended = Promise.withResolvers<ChimedError | undefined>();
  #stopping: Promise<void> | undefined;
  #telling: NodeJS.Timeout | undefined;
  readonly #status: ((text: string) => void) | undefined;

  /**
   * Starts the bridge. Neither a daemon nor a NATS server need be there: it waits for both.
   * @throws {ChimedError} `bad-config` if `nats.servers` is not set.
   */
  static start(options: BridgeOptions): Bridge {
    const { nats } = options.config;
    if (!nats) {
      const message =
        'nats.servers is not set; name at least one NATS server, such as nats: { servers: [nats.example:4222] }';
      throw new ChimedError('bad-config', message);
    }
    return new Bridge(nats, options);
  }

  private constructor(
    nats: NatsConfig,
    { config, socket, logger, status, clock = () => undefined }: BridgeOptions,
  ) {
    this.#nats = this.#config = nats;
    this.#logger = logger;
    this.#status = status;
    const { machine } = nats;
    const own = { bridge: randomBytes(8).toString('hex'), machine };
    const subjects = new Subjects(nats.prefix);
    // What other machines can cause to be logged.
    const lines = new BoundedLog(logger, {}, BoundedLog.forAll());
    this.#client = connect({
      ...(socket !== undefined && { socket }),
      name: NAME,
      logger: withFields<EventFields>(logger, (fields) => ({ ...fields, event: 'fleet-daemon' })),
    });
    this.#link = new NatsLink(
      nats,
      {
        up: () => this.#up(),
        down: () => this.#down(),
        room: () => this.#exporter.resume(),
      },
      logger,
    );
    const link = this.#link;
    this.#stream =
      nats.stream === undefined
        ? undefined
        : new Stream(nats.stream, link, subjects, () => this.#exporter.resume(), logger);
    this.#presence = new Presence(own, link, subjects, clock, (error) => this.#ended.resolve(error));
    this.#demand = new Demand(own, link, subjects);
    this.#catalog = new Catalog(
      this.#client,
      () => this.#config.export,
      {
        changed: (topics) => {
          this.#presence.export(topics);
          this.#exporter.catalogChanged();
        },
        revised: () => {
          this.#linkTopic.retry();
          this.#importer.retry(this.#machines);
        },
      },
      logger,
    );
    this.#exporter = new Exporter(
      machine,
      link,
      subjects,
      (topic) => this.#catalog.has(topic),
      this.#stream,
      lines,
    );
    this.#local = new LocalTopics(
      { paths: () => (socket === undefined ? socketPaths() : [socket]), name: NAME },
      this.#exporter,
      lines,
    );
    this.#exporter.local = this.#local;
    this.#leases = new Leases(machine, link, subjects, (other, change) => {
      this.#exporter.changed(other, change);
      this.#changed();
    });
    this.#importer = new Importer(
      {
        own: machine,
        imports: nats.import,
        client: this.#client,
        link,
        subjects,
        demand: this.#demand,
        stream: this.#stream,
        most: roomFor(config.namespaces),
      },
      lines,
    );
    this.#machines = new Machines(
      machine,
      link,
      subjects,
      {
        changed: (other) => this.#machineChanged(other),
        away: (other) => {
          this.#importer.away(other);
          this.#changed();
        },
        forgotten: (other) => this.#importer.forgotten(other),
      },
      lines,
    );
    this.#parts = {
      machine,
      link,
      machines: this.#machines,
      leases: this.#leases,
      demand: this.#demand,
      importer: this.#importer,
      exporter: this.#exporter,
    };
    this.#linkTopic = new LinkTopic(this.#client, () => fleetState(this.#parts), logger);
    this.#machines.hear(nats.import.map(({ from }) => from));
    link.open();
  }

  /** Resolves if the bridge must give up, with the reason: another one has this machine's name. */
  get ended(): Promise<ChimedError | undefined> {
    return this.#ended.promise;
  }

  /** Goes over to another configuration, and to the credentials as they are now. */
  async reload({ nats }: Config): Promise<void> {
    if (!nats) throw new ChimedError('bad-config', 'nats.servers is not set any more: the old settings stay');
    const fixed = ['machine', 'prefix', 'stream'] as const;
    const settings = fixed.filter((key) => nats[key] !== this.#nats[key]);
    if (settings.length > 0)
      this.#logger.warn(
        {
          event: 'settings-need-restart',
          settings: settings.map((key) => `nats.${key === 'machine' ? 'name' : key}`),
        },
        'these settings have changed and need a restart',
      );
    const { machine, prefix, stream } = this.#nats;
    this.#config = { ...nats, machine, prefix, ...(stream !== undefined && { stream }) };
    this.#machines.hear(nats.import.map(({ from }) => from));
    this.#importer.configure(nats.import, this.#machines);
    this.#catalog.refresh();
    await this.#link.renew(this.#config);
    this.#logger.info({ event: 'reloaded' }, 'reloaded');
  }

  /** Says goodbye, has the server take what was published, and stops. Never rejects. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    clearTimeout(this.#telling);
    this.#catalog.stop();
    this.#machines.stop();
    this.#leases.stop();
    this.#local.close();
    this.#exporter.stop();
    this.#stream?.stop();
    this.#demand.stop();
    this.#presence.stop();
    await this.#link.stop();
    await this.#linkTopic.stop();
    await this.#client.close();
  }

  #up(): void {
    this.#presence.up();
    void this.#presence.claimed.promise.then(() => this.#open());
    this.#changed();
  }

  /** The link is up, and the name is ours. */
  async #open(): Promise<void> {
    await this.#stream?.up();
    this.#demand.open();
    this.#exporter.resume();
  }

  #down(): void {
    this.#presence.down();
    this.#changed();
  }

  #machineChanged(machine: Machine): void {
    this.#importer.changed(machine);
    this.#presence.greet();
    this.#changed();
  }

  /** Tells whoever wants to know how the bridge is. */
  #changed(): void {
    this.#linkTopic.changed();
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined;
      this.#status?.(fleetSentence(this.#parts));
    }, STATUS_MS);
  }
}

/** How many topics of other machines the daemon has room for. */
function roomFor(namespaces: Config['namespaces']): number {
  const ours = namespaces.filter(({ name }) => name.startsWith(`${REMOTE}.`));
  return ours.reduce((sum, { maxTopics }) => sum + maxTopics, 0);
}
