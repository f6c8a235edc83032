import { DaemonProcess } from './daemon-process.ts';
import type { Settings, SharedDaemon } from './daemon-settings.ts';

/** The daemons that cases share: one for each kind of settings, with the topics of all cases that have these. */
export class DaemonPool implements AsyncDisposable {
  /** Starts a daemon, with `serve --config FILE --socket PATH` behind it. */
  readonly command: string;
  readonly #isShared: boolean;
  readonly #topics = new Map<string, Settings>();
  readonly #daemons = new Map<string, Promise<DaemonProcess>>();
  readonly #others: Promise<DaemonProcess>[] = [];
  readonly #played = new Set<SharedDaemon>();

  /**
   * @param cases All that may be played.
   * @param isolate Gives each case a daemon of its own: one that breaks costs the others nothing.
   * @throws if two cases name the same topics.
   */
  constructor(command: string, cases: readonly SharedDaemon[], { isolate = false } = {}) {
    this.command = command;
    this.#isShared = !isolate;
    const owners = new Map<string, SharedDaemon>();
    for (const each of cases) {
      const { topics, settings } = each;
      if (!topics) continue;
      for (const word of firstWords(topics)) {
        const owner = owners.get(word) ?? each;
        if (owner !== each)
          throw new Error(`two cases name topics ${word}.…: "${owner.name}" and "${each.name}"`);
        owners.set(word, each);
      }
      const key = JSON.stringify(settings ?? {});
      this.#topics.set(key, { ...this.#topics.get(key), ...topics });
    }
  }

  /** The daemon that has the topics and settings of a case. A case that is played again gets another one. */
  daemonFor(of: SharedDaemon): Promise<DaemonProcess> {
    const { settings = {}, topics } = of;
    if (!this.#isShared || this.#played.has(of)) {
      const daemon = DaemonProcess.start(this.command, { ...settings, topics });
      this.#others.push(daemon);
      return daemon;
    }
    this.#played.add(of);
    const key = JSON.stringify(settings);
    let daemon = this.#daemons.get(key);
    if (!daemon) {
      daemon = DaemonProcess.start(this.command, { ...settings, topics: this.#topics.get(key) });
      this.#daemons.set(key, daemon);
    }
    return daemon;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = await Promise.allSettled([...this.#daemons.values(), ...this.#others]);
    for (const each of all) if (each.status === 'fulfilled') await each.value[Symbol.asyncDispose]();
  }
}

function firstWords(topics: Settings): Set<string> {
  return new Set(Object.keys(topics).map((name) => name.split('.')[0]!));
}
