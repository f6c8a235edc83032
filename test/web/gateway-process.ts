import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { writeFileSync } from 'node:fs';

import type { TestDaemon } from '../helpers/daemon.ts';
import { Program, cli } from '../helpers/program.ts';

/** The token of the loopback port. */
export const TOKEN = 'a-token-that-is-only-for-tests';

/**
 * A real gateway beside a daemon, on a loopback port and on a Unix socket. A browser cannot open the latter, so a proxy
 * stands before it: its pages are those of this user, who sees everything.
 */
export class GatewayProcess implements AsyncDisposable {
  readonly #daemon: TestDaemon;
  readonly #proxy: Server;
  readonly #ends = new Set<Socket>();
  #program: Program | undefined;
  /** Address of the loopback port. */
  loopback = '';

  private constructor(daemon: TestDaemon) {
    this.#daemon = daemon;
    this.#proxy = createServer((browser) => {
      const gateway = connect(this.#socket);
      for (const end of [browser, gateway]) {
        this.#ends.add(end);
        end
          .on('error', () => {})
          .on('close', () => {
            this.#ends.delete(end);
            browser.destroy();
            gateway.destroy();
          });
      }
      browser.pipe(gateway).pipe(browser);
    });
  }

  static async start(daemon: TestDaemon): Promise<GatewayProcess> {
    const gateway = new GatewayProcess(daemon);
    await once(gateway.#proxy.listen(0, '127.0.0.1'), 'listening');
    await gateway.open();
    return gateway;
  }

  /** Address of the page, as this user sees it. */
  get url(): string {
    return `http://127.0.0.1:${(this.#proxy.address() as AddressInfo).port}`;
  }

  get #socket(): string {
    return this.#daemon.folder.file('web.sock');
  }

  async open(): Promise<void> {
    const { folder, socket } = this.#daemon;
    writeFileSync(folder.file('token'), TOKEN, { mode: 0o600 });
    const web = { web: { tokenFile: folder.file('token') } };
    writeFileSync(folder.file('web.yaml'), JSON.stringify(web));
    const places = ['--listen', `unix:${this.#socket}`, 'tcp:127.0.0.1:0'];
    const args = ['web', '--config', folder.file('web.yaml'), '--socket', socket, ...places];
    this.#program = new Program([cli, ...args, '--log-format', 'json']);
    const line = await this.#program.stdout.find((text) => text.includes('gateway-listening'));
    const { addresses } = JSON.parse(line) as { addresses: string[] };
    this.loopback = `http://${addresses[0]}`;
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    this.#program?.kill('SIGKILL');
    await this.#program?.ended;
  }

  /** How many streams it has, as the daemon knows. */
  async streams(): Promise<number> {
    const { clients } = await this.#daemon.status();
    return clients.filter(({ name }) => name === 'chimed web, stream').length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#proxy.close();
    for (const end of this.#ends) end.destroy();
    await this.#program?.[Symbol.asyncDispose]();
  }
}
