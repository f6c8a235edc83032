import { writeFileSync } from 'node:fs';

import type { Status } from '../../src/protocol/status-snapshot.ts';
import { connect } from '../../src/index.ts';
import type { Client, ConnectOptions } from '../../src/index.ts';
import { temporaryFolder } from './folder.ts';
import type { Folder } from './folder.ts';
import { Inbox } from './inbox.ts';
import { Program, cli } from './program.ts';
import { RawClient } from './raw-client.ts';

/** One line of the daemon's log. */
export type LogLine = { level: string; msg: string } & Record<string, unknown>;

export interface DaemonOptions {
  folder?: Folder;
  /** Over the one in the configuration. */
  level?: string;
  /** Path of the socket, if not in the folder. */
  socket?: string;
  env?: NodeJS.ProcessEnv;
}

/** A real daemon in a process of its own, on a socket in a temporary directory. */
export class TestDaemon implements AsyncDisposable {
  readonly program: Program;
  readonly log = new Inbox<LogLine>();
  readonly folder: Folder;
  readonly socket: string;
  readonly #ownsFolder: boolean;

  constructor(config: object | string, { folder, level, socket, env = {} }: DaemonOptions) {
    this.#ownsFolder = folder === undefined;
    this.folder = folder ?? temporaryFolder();
    this.socket = socket ?? this.folder.file('s');
    this.write(config);
    const args = ['serve', '--config', this.configFile, '--socket', this.socket, '--log-format', 'json'];
    this.program = new Program([cli, ...args, ...(level ? ['--log-level', level] : [])], env);
    const { stdout } = this.program;
    const push = stdout.push.bind(stdout);
    stdout.push = (line) => {
      push(line);
      this.log.push(parse(line));
    };
    void this.program.ended.then((how) =>
      this.log.end(`the daemon ended with ${how}: ${this.program.output.stderr}`),
    );
  }

  get configFile(): string {
    return this.folder.file('chimed.yaml');
  }

  /** Writes its configuration; JSON is YAML. A text is written as it is. */
  write(config: object | string): void {
    writeFileSync(this.configFile, typeof config === 'string' ? config : JSON.stringify(config));
  }

  /** Waits for a line of the log. */
  logged(msg: string | RegExp, from = 0): Promise<LogLine> {
    return this.log.find((line) => (typeof msg === 'string' ? line.msg === msg : msg.test(line.msg)), from);
  }

  /** Writes another configuration, has it loaded, and waits for the line that says so. */
  async reload(config: object | string): Promise<LogLine> {
    const from = this.log.items.length;
    this.write(config);
    this.program.kill('SIGHUP');
    return this.logged(/^reload/, from);
  }

  /** Connects with the client library. */
  connect(options: Omit<ConnectOptions, 'socket'> = {}): Client {
    return connect({ socket: this.socket, ...options });
  }

  /** Connects a socket that sends and gets frames as they are. */
  raw(): Promise<RawClient> {
    return RawClient.connect(this.socket);
  }

  async status(): Promise<Status> {
    await using client = this.connect({ retry: false });
    return await client.status();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
    if (this.#ownsFolder) this.folder[Symbol.dispose]();
  }
}

/** A line that a killed daemon could not finish is kept as it is. */
function parse(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { level: 'unfinished', msg: line };
  }
}

/** Starts a daemon and waits until it listens. */
export async function startDaemon(config: object | string, options: DaemonOptions = {}): Promise<TestDaemon> {
  const daemon = new TestDaemon(config, options);
  try {
    await daemon.logged('listening');
    return daemon;
  } catch (error) {
    await daemon[Symbol.asyncDispose]();
    throw error;
  }
}
