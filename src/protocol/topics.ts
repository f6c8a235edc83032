/** Longest topic name or pattern, in characters. */
const MAX_TOPIC_LENGTH = 255;

const TOPIC = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/;
const PATTERN = /^(?:>|(?:[a-z0-9_-]+|\*)(?:\.(?:[a-z0-9_-]+|\*))*(?:\.>)?)$/;

/** First token of every control message; no topic may begin with it. */
const RESERVED = 'chimed';

function reserved(name: string): boolean {
  return name === RESERVED || name.startsWith(`${RESERVED}.`);
}

/** Reports whether `name` can name a topic: dot-separated tokens of `[a-z0-9_-]`, not `chimed.…`. */
export function isTopic(name: string): boolean {
  return name.length <= MAX_TOPIC_LENGTH && TOPIC.test(name) && !reserved(name);
}

/** Reports whether `text` is a topic, or one with wildcards: `*` for one token, a last `>` for one or more. */
export function isPattern(text: string): boolean {
  return text.length <= MAX_TOPIC_LENGTH && PATTERN.test(text) && !reserved(text);
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
