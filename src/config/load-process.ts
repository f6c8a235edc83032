/*
 * Loads the configuration in a process of its own, see load-apart.ts: takes one request from its parent, answers it, and
 * ends. Without its parent it ends, too, also while it waits for a file system.
 */

import { useIfSupported } from '../linux/if-supported.ts';
import type { LoadAnswer, LoadRequest } from './load-apart.ts';

process.once('message', (request: LoadRequest) => {
  void answer(request).then((reply) => process.send!(reply, () => process.disconnect()));
});
async function answer({ named, env }: LoadRequest): Promise<LoadAnswer> {
  await useIfSupported(
    () => import('../linux/process-calls.ts'),
    ({ endWithParent }) => endWithParent(),
  );
  const [{ findConfig, loadConfig }, { ConfigError }, { ChimedError, messageOf }] = await Promise.all([
    import('./load.ts'),
    import('./mistakes.ts'),
    import('../errors.ts'),
  ]);
  try {
    return { config: loadConfig(findConfig(named, env), env) };
  } catch (error) {
    const message = messageOf(error);
    if (error instanceof ConfigError) return { mistakes: error.mistakes, file: error.file };
    return { message, ...(error instanceof ChimedError && { code: error.code }) };
  }
}
