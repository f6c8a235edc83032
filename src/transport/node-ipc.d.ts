/** The part of node-ipc 14 that we use; the package ships no types of its own. */
declare module 'node-ipc' {
  import type { Socket } from 'node:net';

  interface Parser {
    /** Bytes are handed over as they come, as the event `data`. */
    raw: true;
    /** Makes what is written of what is emitted. */
    encode(type: string, data: unknown): Buffer;
    /** Not called for a parser that is raw. */
    read(): void;
  }

  interface Config {
    parser: Parser;
    silent: boolean;
    maxRetries: number;
    stopRetrying: boolean;
  }

  interface Client {
    socket: Socket;
    on(type: string, handler: (...values: never[]) => void): this;
    /** Sends a message. */
    emit(type: string, data: unknown): void;
  }

  export class IPCModule {
    config: Config;
    of: Record<string, Client | undefined>;
    connectTo(id: string, path: string): void;
    disconnect(id: string): void;
  }
}
