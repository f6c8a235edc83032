import { childThread } from './children.ts';
import { sourceEnvironment } from './environment.ts';
import type { Source, SourceContext } from './source.ts';
import { jsonOrText } from './text.ts';

/**
 * Runs a command: an argument list as it is, a text by `/bin/sh -c`. Its output is JSON if it parses, else text.
 */
export function commandSource(command: string | readonly string[], context: SourceContext): Source {
  const argv = typeof command === 'string' ? ['/bin/sh', '-c', command] : command;
  const { topic, directory, timeoutMs, maxBytes } = context;
  const run = { topic, argv, directory, env: sourceEnvironment(topic), timeoutMs, maxBytes };
  return {
    async sample(signal) {
      return jsonOrText(await childThread.perform({ kind: 'command', run }, signal));
    },
  };
}
