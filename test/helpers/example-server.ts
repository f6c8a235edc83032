import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { temporaryFolder } from './folder.ts';
import type { Folder } from './folder.ts';
import { Program, root } from './program.ts';

/** Where Debian puts it, which is not in every user's PATH. */
const PATH = `${process.env['PATH']}:/usr/sbin`;

/** A real nats-server with the configuration of docs/fleet, on a loopback port, with certificates for these machines. */
export class ExampleServer implements AsyncDisposable {
  readonly folder: Folder;
  readonly program: Program;
  readonly port: number;

  static async start(...machines: string[]): Promise<ExampleServer> {
    const folder = temporaryFolder();
    const certificates = join(root, 'docs/fleet/certificates.sh');
    for (const args of [
      ['server', 'localhost'],
      ['machine', ...machines],
    ])
      execFileSync('sh', [certificates, folder.file('certs'), ...args]);
    const file = folder.file('nats-server.conf');
    const example = readFileSync(join(root, 'docs/fleet/nats-server.conf'), 'utf8');
    const here = example
      .replace('0.0.0.0:4222', '127.0.0.1:-1') // A free port.
      .replaceAll('nats.example', 'localhost')
      .replace('"jetstream"', `"${folder.file('jetstream')}"`);
    writeFileSync(file, here);
    const program = new Program(['-c', file], { PATH }, folder.path, 'nats-server');
    const line = await program.stderr.find((text) => text.includes('Listening for client connections'));
    await program.stderr.find((text) => text.includes('Server is ready'));
    return new ExampleServer(folder, program, Number(/:(\d+)$/.exec(line)![1]));
  }

  private constructor(folder: Folder, program: Program, port: number) {
    this.folder = folder;
    this.program = program;
    this.port = port;
  }

  /** What `nats.servers` says. */
  get url(): string {
    return `tls://localhost:${this.port}`;
  }

  /** What `nats.tls` says for a machine. */
  tls(machine: string): { ca: string; cert: string; key: string } {
    const file = (name: string): string => this.folder.file(join('certs', name));
    return { ca: file('ca.pem'), cert: file(`${machine}.pem`), key: file(`${machine}.key`) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}
