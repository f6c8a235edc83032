import type { DaemonProcess } from './daemon-process.ts';
import type { Settings } from './daemon-settings.ts';
import { RawPeer } from './raw-peer.ts';
import type { Data } from './raw-peer.ts';

/** A daemon as one case sees it: a process that other cases may use as well, and the connections of this case. */
export class DaemonUnderTest {
  readonly process: DaemonProcess;
  readonly #peers: RawPeer[] = [];
  #endReason: string | undefined;

  constructor(process: DaemonProcess) {
    this.process = process;
  }

  async connect(): Promise<RawPeer> {
    const peer = await RawPeer.connect(this.process.socket);
    this.#peers.push(peer);
    if (this.#endReason !== undefined) peer.frames.end(this.#endReason);
    return peer;
  }

  /** Connects, and registers. */
  async subscriber(...topics: string[]): Promise<RawPeer> {
    const peer = await this.connect();
    await peer.register(topics);
    return peer;
  }

  /** Connects, and provides topics. */
  async provider(...topics: string[]): Promise<RawPeer> {
    const peer = await this.connect();
    await peer.provide(...topics);
    return peer;
  }

  /** Connects, and registers on behalf of a user. Needs the privilege of the daemon's own user. */
  async onBehalfOf(user: Data, ...topics: string[]): Promise<RawPeer> {
    const peer = await this.connect();
    await peer.register(topics, { onBehalfOf: user });
    return peer;
  }

  /** Has it go over to another configuration. @returns the answer. */
  async reload(config: Settings): Promise<Data> {
    this.process.configure(config);
    const peer = await this.connect();
    const answer = await peer.demand('reload', {}, 'reloaded');
    peer.cut();
    return answer;
  }

  /** What it has sent to this case that is no frame, if anything. */
  get violation(): string | undefined {
    return this.#peers.find(({ violation }) => violation)?.violation;
  }

  /** Ends all that waits for it, and says why. */
  end(reason: string): void {
    this.#endReason = reason;
    for (const { frames } of this.#peers) frames.end(reason);
  }

  /** Ends the connections of this case. */
  cut(): void {
    for (const peer of this.#peers) peer.cut();
  }
}
