/*
 * Loads the configuration in a process of its own, see load-apart.ts: says that it is ready, takes one request from its
 * parent, answers it, and ends. Without its parent it ends, too, also while it waits for a file system.
 */
import { useIfSupported } from '../linux/if-supported.ts';
import type { LoadAnswer, LoadRequest, Ready } from './load-apart.ts';

const READY: Ready = 'ready';

process.once('message', (request: LoadRequest) => {
  void answer(request).then((reply) => process.send!(reply, () => process.disconnect()));
});
// First, and only then is there something to do: the parent may end at any moment.
void useIfSupported(
  () => import('../linux/process-calls.ts'),
  ({ endWithParent }) => endWithParent(),
).then(() => process.send!(READY));

async function answer({ named, env }: LoadRequest): Promise<LoadAnswer> {
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
