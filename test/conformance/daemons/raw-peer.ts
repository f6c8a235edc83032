import { isUtf8 } from 'node:buffer';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

import { Inbox } from '../../helpers/inbox.ts';
import type { Frame } from '../clients/peer.ts';

export type { Frame } from '../clients/peer.ts';

/** The `data` of a control frame. */
export type Data = Record<string, unknown>;

/** The `data` of `chimed.registered`. */
export interface Registered extends Data {
  client: number;
  instance: string;
  offset: number;
  topics: { topic: string; interval: number | null; instance: string; seq: number; after?: number }[];
}

const FORM_FEED = 0x0c;
/** Requests that the suite numbers itself have ids that no case uses. */
const OWN_ID = 'suite ';

/**
 * A client's end of a connection, with no library between the case and the bytes. Each frame that arrives must be one: UTF-8,
 * a JSON object, a type that is not empty. Anything else fails the case.
 */
export class RawPeer {
  readonly frames = new Inbox<Frame>();
  /** Resolves when the connection has ended, at whichever end. */
  readonly closed: Promise<void>;
  readonly socket: Socket;
  /** Why what the daemon sent is no frame. */
  violation: string | undefined;
  #chunks: Buffer[] = [];
  #requests = 0;

  static async connect(path: string): Promise<RawPeer> {
    const socket = connect(path);
    await once(socket, 'connect');
    return new RawPeer(socket);
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', () => {}); // Some cases are about the end of the connection.
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.frames.end('the connection has ended');
        resolve();
      });
    });
  }

  /** Sends bytes as they are. Resolves when the kernel has them, or the connection has ended. */
  write(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => this.socket.write(bytes, () => resolve()));
  }

  /** Sends a frame. @param fields What it has beside its type and data. */
  send(type: string, data?: unknown, fields: Data = {}): this {
    void this.write(encode(type, data, fields));
    return this;
  }

  /** The first frame of a type, from index `from` of those that have arrived. */
  frame(type: string, from = 0): Promise<Frame> {
    return this.frames.find((frame) => frame.type === type, from);
  }

  /** The data of the first control frame of a type. */
  async control<T extends Data>(type: string, from = 0): Promise<T> {
    return (await this.frame(`chimed.${type}`, from)).data as T;
  }

  /** The first messages of a topic. */
  messages(topic: string, count: number, from = 0): Promise<Frame[]> {
    return this.frames.take(count, ({ type }) => type === topic, from);
  }

  /** Registers, and waits for the answer. */
  register(topics: readonly string[], more: Data = {}): Promise<Registered> {
    const from = this.frames.items.length;
    return this.send('chimed.register', { topics, ...more }).control('registered', from);
  }

  async unregister(...topics: string[]): Promise<Registered> {
    const from = this.frames.items.length;
    return await this.send('chimed.unregister', { topics }).control('registered', from);
  }

  /** Makes a request that is answered by its id. @returns the answer, or the rejection, without the id. */
  async request(type: string, data: Data): Promise<Frame> {
    const from = this.frames.items.length;
    const id = `${OWN_ID}${++this.#requests}`;
    this.send(`chimed.${type}`, { ...data, id });
    const frame = await this.frames.find((each) => (each.data as Data | undefined)?.['id'] === id, from);
    const { id: _, ...rest } = frame.data as Data;
    return { type: frame.type, data: rest };
  }

  /** Makes a request that must succeed. @returns the data of its answer, which has this type. */
  async demand(type: string, data: Data, answer: string): Promise<Data> {
    const frame = await this.request(type, data);
    if (frame.type === `chimed.${answer}`) return frame.data as Data;
    throw new Error(`chimed.${type} was answered by ${JSON.stringify(frame)}`);
  }

  /** Makes a request that must be refused. @returns the rejection, without the id. */
  async refused(type: string, data: Data): Promise<Data> {
    return this.demand(type, data, 'rejected');
  }

  /** Publishes, and waits for the answer. @returns the number of the message. */
  async publish(topic: string, data: unknown): Promise<number> {
    return (await this.demand('publish', { topic, data }, 'published'))['seq'] as number;
  }

  async provide(...topics: string[]): Promise<void> {
    await this.demand('provide', { topics }, 'provided');
  }

  /** The status, of some topics if these are named. */
  status(more: Data = {}): Promise<Data> {
    return this.demand('status', more, 'status');
  }

  /**
   * Waits until the daemon has done all that this client asked for. What it had to say by then has arrived.
   * @returns all frames that have arrived from index `from` on, without the answer to this.
   */
  async settled(from = 0): Promise<Frame[]> {
    const { length } = this.frames.items;
    await this.status({ topics: [] });
    const isOwn = ({ data }: Frame): boolean =>
      String((data as Data | null | undefined)?.['id']).startsWith(OWN_ID);
    return this.frames.items.slice(from).filter((frame, index) => from + index < length || !isOwn(frame));
  }

  /** Reads nothing from now on, until `thaw`. */
  freeze(): this {
    this.socket.pause();
    return this;
  }

  thaw(): this {
    this.socket.resume();
    return this;
  }

  /** Closes the connection at once. */
  cut(): void {
    this.socket.destroy();
  }

  #read(chunk: Buffer): void {
    let rest = chunk;
    for (let end = rest.indexOf(FORM_FEED); end !== -1; end = rest.indexOf(FORM_FEED)) {
      this.#chunks.push(rest.subarray(0, end));
      this.#take(this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks));
      this.#chunks = [];
      rest = rest.subarray(end + 1);
    }
    if (rest.length > 0) this.#chunks.push(rest);
  }

  #take(bytes: Buffer): void {
    if (this.violation) return;
    const frame = decode(bytes);
    if (typeof frame !== 'string') return this.frames.push(frame);
    this.violation = `the daemon has sent a frame that is none (${frame}): ${bytes.toString('utf8', 0, 200)}`;
    this.frames.end(this.violation);
  }
}

export function encode(type: string, data?: unknown, fields: Data = {}): string {
  return `${JSON.stringify({ type, data, ...fields })}\f`;
}

/** A frame, or why it is none. */
function decode(bytes: Buffer): Frame | string {
  if (!isUtf8(bytes)) return 'it is not UTF-8';
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    return 'it is not JSON';
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'it is not an object';
  const { type } = value as { type?: unknown };
  return typeof type === 'string' && type !== '' ? (value as Frame) : 'it has no type';
}
