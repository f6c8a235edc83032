/** Longest topic name or pattern, in characters. */
const MAX_TOPIC_LENGTH = 255;

/** The name of a topic, but for those that mean something else. */
const TOPIC = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;
/** The same with wildcards. */
export const PATTERN = /^(?:>|(?:[A-Za-z0-9_-]+|\*)(?:\.(?:[A-Za-z0-9_-]+|\*))*(?:\.>)?)$/;

/** First token of every control message; no topic may begin with it. */
const CONTROL = 'chimed';
/** Events of a node-ipc client's own: a message of that name would call the handlers that it has for them. */
const nodeIpcEvents = ['connect', 'data', 'destroy', 'disconnect', 'error', 'socket.disconnected'];

function isControl(name: string): boolean {
  return name === CONTROL || name.startsWith(`${CONTROL}.`);
}

/** Reports whether node-ipc or every object of JavaScript has a meaning for a name: none that a topic should have. */
export function isTakenElsewhere(name: string): boolean {
  return nodeIpcEvents.includes(name) || Object.hasOwn(Object.prototype, name);
}

/** Reports whether `name` can name a topic: dot-separated tokens of `[A-Za-z0-9_-]`, not `chimed.…`. */
export function isTopic(name: string): boolean {
  return name.length <= MAX_TOPIC_LENGTH && TOPIC.test(name) && !isControl(name);
}

/** Reports whether `text` is a topic, or one with wildcards: `*` for one token, a last `>` for one or more. */
export function isPattern(text: string): boolean {
  return text.length <= MAX_TOPIC_LENGTH && PATTERN.test(text) && !isControl(text);
}

/** Reports whether a pattern has a wildcard and so may match topics that do not exist yet. */
export function isWildcard(pattern: string): boolean {
  return pattern.includes('*') || pattern.includes('>');
}

/** Reports whether `topic` is one that `pattern` names. Both must be valid. */
export function matches(pattern: string, topic: string): boolean {
  if (!isWildcard(pattern)) return pattern === topic;
  const wanted = pattern.split('.');
  const tokens = topic.split('.');
  for (const [index, token] of wanted.entries()) {
    if (token === '>') return tokens.length > index;
    if (index >= tokens.length) return false;
    if (token !== '*' && token !== tokens[index]) return false;
  }
  return wanted.length === tokens.length;
}
