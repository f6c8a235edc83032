/** What a fleet can call a machine: one word of a topic. */
export const MACHINE = /^[A-Za-z0-9_-]{1,63}$/;

/** First word of topics of other machines. */
export const REMOTE = 'remote';
/** First words of topics that are the fleet's own on each machine, and never leave it. */
const fleetWords = [REMOTE, 'fleet'];

/** Reports whether a topic, or all topics of a pattern, never leave the machine. */
export function isOfFleet(pattern: string): boolean {
  return fleetWords.some((word) => pattern.startsWith(`${word}.`));
}
