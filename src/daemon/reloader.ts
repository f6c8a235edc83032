import type { Config } from '../config/config.ts';
import { coalesce } from './coalesce.ts';
import type { Daemon, ReloadResult } from './daemon.ts';
import type { Supervision } from './supervision.ts';

export interface ReloaderOptions {
  /** The daemon, once it runs, and who supervises it. */
  started: () => Promise<{ daemon: Daemon; supervision: Supervision | undefined }>;
  /** Loads the configuration as it is now. Rejects if it has mistakes. */
  load: () => Promise<Config>;
  /** Called with a configuration that is in force. */
  inForce: (config: Config) => void;
}

/**
 * Has the daemon go over to its configuration as it is now, and tells the service manager: one reload at a time, and one
 * more for all who ask while it runs. A configuration that has mistakes changes nothing.
 */
export function createReloader({ started, load, inForce }: ReloaderOptions): () => Promise<ReloadResult> {
  return coalesce(async () => {
    const { daemon, supervision } = await started();
    supervision?.reloading();
    try {
      const config = await load();
      const reload = await daemon.reload(config);
      inForce(config);
      supervision?.reloaded({ failed: false });
      return reload;
    } catch (error) {
      daemon.reloadFailed(error);
      supervision?.reloaded({ failed: true });
      throw error;
    }
  });
}
