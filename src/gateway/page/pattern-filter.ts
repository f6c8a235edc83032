import { isPattern, isWildcard, matches } from '../../protocol/names.ts';

/**
 * Makes a test of topic names from what was typed: patterns, or parts of names, separated by spaces or commas. A topic
 * passes that fits one of them.
 */
export function filterOf(typed: string): (topic: string) => boolean {
  const wanted = typed.split(/[\s,]+/).filter((word) => word !== '');
  if (wanted.length === 0) return () => true;
  const tests = wanted.map((word) => {
    if (isWildcard(word) && isPattern(word)) return (topic: string): boolean => matches(word, topic);
    const part = word.toLowerCase();
    return (topic: string): boolean => topic.toLowerCase().includes(part);
  });
  return (topic) => tests.some((test) => test(topic));
}
