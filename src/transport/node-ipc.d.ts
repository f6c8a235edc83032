/** The part of node-ipc 14 that we use; the package ships no types of its own. */
declare module 'node-ipc' {
  import type { Socket } from 'node:net';

  interface Config {
    /** Hands over bytes as they come, as the event `data`. */
    rawBuffer: boolean;
    silent: boolean;
    maxRetries: number;
    stopRetrying: boolean;
  }

  interface Client {
    socket: Socket;
    on(type: string, handler: (...values: never[]) => void): this;
  }

  export class IPCModule {
    config: Config;
    of: Record<string, Client | undefined>;
    connectTo(id: string, path: string): void;
    disconnect(id: string): void;
  }
}
