import { writeFileSync } from 'node:fs';

import type { TestDaemon } from './daemon.ts';
import { EventSource, ask, askJson } from './http.ts';
import type { Address, Answer, Ask, JsonAnswer } from './http.ts';
import { Program, cli } from './program.ts';

export const TOKEN = 'a-token-for-tests-0123456789';

export interface GatewayOptions {
  /** Further settings of `web:`. */
  web?: object;
}

/** A real gateway in a process of its own: on a Unix socket beside the daemon's, and on a loopback port. */
export class TestGateway implements AsyncDisposable {
  readonly program: Program;
  readonly socketPath: string;
  readonly unix: Address;
  readonly port: { host: string; port: number };

  private constructor(program: Program, socketPath: string, port: number) {
    this.program = program;
    this.socketPath = socketPath;
    this.unix = { socketPath };
    this.port = { host: '127.0.0.1', port };
  }

  static async start({ folder, socket }: TestDaemon, { web }: GatewayOptions = {}): Promise<TestGateway> {
    const path = folder.file('web.sock');
    const tokenFile = folder.file('token');
    writeFileSync(tokenFile, `${TOKEN}\n`, { mode: 0o600 });
    const config = folder.file('web.yaml');
    writeFileSync(config, JSON.stringify({ web: { tokenFile, ...web } }));
    const args = ['web', '--config', config, '--socket', socket, '--log-format', 'json'];
    const listen = ['--listen', `unix:${path}`, 'tcp:127.0.0.1:0'];
    const program = new Program([cli, ...args, ...listen]);
    const line = await program.stdout.find((text) => text.includes('"gateway-listening"'));
    const [address = ''] = (JSON.parse(line) as { addresses: string[] }).addresses;
    return new TestGateway(program, path, Number(address.split(':')[1]));
  }

  /** Asks on the Unix socket. */
  ask(path: string, options: Ask = {}): Promise<Answer> {
    return ask(this.unix, path, options);
  }

  /** The same for an answer in JSON: with its status. */
  json(path: string, options: Ask = {}): Promise<JsonAnswer> {
    return askJson(this.unix, path, options);
  }

  /** Asks on the loopback port, with the token. */
  loopback(path: string, { headers, ...options }: Ask = {}): Promise<Answer> {
    return ask(this.port, path, { headers: { authorization: `Bearer ${TOKEN}`, ...headers }, ...options });
  }

  /** Opens a stream on the Unix socket. */
  listen(query: string, headers: Record<string, string> = {}): Promise<EventSource> {
    return EventSource.open(this.unix, `/listen?${query}`, headers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
  }
}
