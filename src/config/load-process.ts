/*
 * Loads the configuration in a process of its own, see load-apart.ts: says that it is ready, takes one request from its
 * parent, answers it, gives the topics piece by piece, and ends. Without its parent it ends, too, also while it waits for
 * a file system.
 */
import { useIfSupported } from '../linux/if-supported.ts';
import type { TopicConfig } from './config.ts';
import type { LoadAnswer, LoadRequest, MoreRequest, Ready, TopicsAnswer } from './load-apart.ts';

/** Topics that are given at once: reading them takes a millisecond or two. */
const PIECE = 200;
const READY: Ready = 'ready';

let left: TopicConfig[] = [];

process.on('message', (request: LoadRequest | MoreRequest) => {
  if (request === 'more') give({ topics: left.splice(0, PIECE) });
  else void answer(request).then(give);
});
// First, and only then is there something to do: the parent may end at any moment.
void useIfSupported(
  () => import('../linux/process-calls.ts'),
  ({ endWithParent }) => endWithParent(),
).then(() => process.send!(READY));

function give(reply: LoadAnswer | TopicsAnswer): void {
  process.send!(reply, () => {
    if (left.length === 0) process.disconnect();
  });
}

async function answer({ named, env }: LoadRequest): Promise<LoadAnswer> {
  const [{ findConfig, loadConfig }, { ConfigError }, { ChimedError, messageOf }] = await Promise.all([
    import('./load.ts'),
    import('./mistakes.ts'),
    import('../errors.ts'),
  ]);
  try {
    const { topics, ...config } = loadConfig(findConfig(named, env), env);
    left = [...topics];
    return { config: { ...config, topics: [] }, topicCount: topics.length };
  } catch (error) {
    const message = messageOf(error);
    if (error instanceof ConfigError) return { mistakes: error.mistakes, file: error.file };
    return { message, ...(error instanceof ChimedError && { code: error.code }) };
  }
}
