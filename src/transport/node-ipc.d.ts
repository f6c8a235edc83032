/** The part of node-ipc 14 that we use; the package ships no types of its own. */
declare module 'node-ipc' {
  import type { Socket } from 'node:net';

  type Receive = (message: { type: string; data: unknown }) => void;

  interface Config {
    parser: GuardedParser;
    silent: boolean;
    logger: (text: string) => void;
    unlink: boolean;
    maxRetries: number;
    stopRetrying: boolean;
  }

  interface Events {
    on(type: string, handler: (...values: never[]) => void): this;
  }

  interface Server extends Events {
    addSocket(socket: Socket): void;
  }

  interface Client extends Events {
    socket: Socket;
  }

  export class IPCModule {
    config: Config;
    of: Record<string, Client | undefined>;
    server: Server;
    serve(path: string): void;
    connectTo(id: string, path: string): void;
    disconnect(id: string): void;
  }

  export class GuardedParser {
    constructor(limits: {
      delimiter: string;
      maxMessageSize: number;
      maxPendingBytes: number;
      maxEventNameLength: number;
      messageTimeout: number;
    });
    maxMessageSize: number;
    read(buffer: unknown, data: string, receive: Receive): unknown;
    decode(frame: string): unknown;
    assertFrameSize(characters: number, bytes: number): void;
  }

  export class IPCProtocolError extends Error {
    code: string;
  }
}
