import type { Frame } from '../../src/protocol/messages.ts';
import { Inbox } from './inbox.ts';
import { Program, root } from './program.ts';

/** Python, and the system's own: another user may not be let into the directory of our Node. */
const client = `
import socket, sys
sock = socket.socket(socket.AF_UNIX)
sock.connect(sys.argv[1])
sock.sendall(sys.argv[2].encode() + b"\\f")
rest = b""
while chunk := sock.recv(65536):
    *frames, rest = (rest + chunk).split(b"\\f")
    for frame in frames:
        print(frame.decode(), flush=True)
`;

/** A client that is another user: it sends one frame, and keeps what it is told. Only root can make one. */
export class Stranger implements AsyncDisposable {
  readonly frames = new Inbox<Frame>();
  readonly #program: Program;

  constructor(socket: string, uid: number, groups: readonly number[], type: string, data: unknown) {
    const who = groups.length > 0 ? `--groups=${groups.join(',')}` : '--clear-groups';
    const request = JSON.stringify({ type, data });
    const argv = [
      `--reuid=${uid}`,
      `--regid=${uid}`,
      who,
      '--',
      'python3',
      '-I',
      '-c',
      client,
      socket,
      request,
    ];
    this.#program = new Program(argv, { PATH: '/usr/bin:/bin' }, root, 'setpriv');
    const { stdout } = this.#program;
    stdout.push = (line) => this.frames.push(JSON.parse(line) as Frame);
    void this.#program.ended.then(() => this.frames.end(`the client ended: ${this.#program.output.stderr}`));
  }

  /** Waits for a frame of this type, from index `from` of those that came. */
  frame(type: string, from = 0): Promise<Frame> {
    return this.frames.find((frame) => frame.type === type, from);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#program[Symbol.asyncDispose]();
  }
}
