import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';

import { temporaryFolder } from '../helpers/folder.ts';
import type { Folder } from '../helpers/folder.ts';
import { Program, root } from '../helpers/program.ts';

/** What a nats-server is configured with, as its configuration file spells it. JSON is valid there. */
export type NatsServerConfig = Record<string, unknown>;

export interface NatsServerOptions {
  config?: NatsServerConfig;
  /** Name or path of the program. @default the installed one */
  executable?: string;
}

const CLIENT_PORT = 4222;

/**
 * A loopback address that no other test uses. Every server listens on the usual ports of an address of its own, so that
 * a restarted server finds its port free.
 */
export function ownAddress(): string {
  return `127.${randomInt(1, 255)}.${randomInt(256)}.${randomInt(1, 255)}`;
}

/** A real nats-server in a process of its own, with a store that survives its restarts. */
export class NatsServer implements AsyncDisposable {
  readonly host: string;
  readonly port = CLIENT_PORT;
  readonly folder: Folder = temporaryFolder();
  readonly #executable: string;
  #program: Program;

  private constructor(host: string, { config = {}, executable = 'nats-server' }: NatsServerOptions) {
    this.host = host;
    this.#executable = executable;
    this.configure(config);
    this.#program = this.#run();
  }

  /** Starts a server and waits until clients can connect. */
  static async start(options: NatsServerOptions = {}, host = ownAddress()): Promise<NatsServer> {
    const server = new NatsServer(host, options);
    await server.ready();
    return server;
  }

  get url(): string {
    return `nats://${this.host}:${this.port}`;
  }

  get pid(): number {
    return this.#program.pid;
  }

  /** Lines of the log since the last start. */
  get log(): readonly string[] {
    return this.#program.stderr.items;
  }

  /** Writes another configuration, which applies from the next start or reload. */
  configure(config: NatsServerConfig): void {
    const whole = { host: this.host, port: this.port, ...withStore(config, this.folder) };
    writeFileSync(this.folder.file('nats.conf'), JSON.stringify(whole));
  }

  /** Waits for a line of the log since the last start. */
  logged(text: string | RegExp, from = 0): Promise<string> {
    const matches = (line: string): boolean =>
      typeof text === 'string' ? line.includes(text) : text.test(line);
    return this.#program.stderr.find(matches, from);
  }

  /** Waits until clients can connect. */
  async ready(): Promise<void> {
    try {
      await this.logged('Server is ready');
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Has it read its configuration again. */
  async reload(config: NatsServerConfig): Promise<void> {
    const from = this.log.length;
    this.configure(config);
    this.signal('SIGHUP');
    await this.logged('Reloaded server configuration', from);
  }

  /** SIGSTOP freezes it, SIGCONT continues it, SIGUSR2 makes it a lame duck. */
  signal(signal: NodeJS.Signals): void {
    this.#program.kill(signal);
  }

  /** Ends it as `systemctl stop` does, or by `SIGKILL`. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    this.signal(signal);
    await this.#program.ended;
  }

  /** Asks its clients to leave over `lame_duck_duration`, and ends. */
  async lameDuck(): Promise<void> {
    this.signal('SIGUSR2');
    await this.#program.ended;
  }

  /** Starts it again after it has ended: on the same port, with the same store. */
  async restart(): Promise<void> {
    this.launch();
    await this.ready();
  }

  /** As `restart`, without waiting: a member of a cluster is ready only once it has found the others. */
  launch(): void {
    this.#program = this.#run();
  }

  #run(): Program {
    return new Program(['-c', this.folder.file('nats.conf')], {}, root, this.#executable);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}

/** JetStream keeps its files in the server's own directory. */
function withStore(config: NatsServerConfig, folder: Folder): NatsServerConfig {
  const { jetstream } = config;
  if (!jetstream) return config;
  return { ...config, jetstream: { store_dir: folder.file('store'), ...(jetstream as object) } };
}
