import { closest, distance } from 'fastest-levenshtein';

/** How many letters of a word may be wrong for another to be taken for the one that was meant. */
const MOST_SLIPS = 2;
/** How many letters an abbreviation has at least. */
const LEAST_LETTERS = 3;

/** Says which key may have been meant, or which there are. */
export function unknownKey(key: string, known: readonly string[]): string {
  return `unknown key; ${didYouMean(key, known) ?? `expected one of ${known.join(', ')}`}`;
}

/** Asks whether a similar word was meant; undefined if none is similar. */
export function didYouMean(word: string, known: readonly string[]): string | undefined {
  const meant = misspelt(word, known) ?? abbreviated(word, known);
  return meant === undefined ? undefined : `did you mean ${meant}?`;
}

function misspelt(word: string, known: readonly string[]): string | undefined {
  const near = closest(
    word.toLowerCase(),
    known.map((name) => name.toLowerCase()),
  );
  const meant = known.find((name) => name.toLowerCase() === near);
  const slips = distance(word.toLowerCase(), near);
  return meant !== undefined && slips <= Math.min(MOST_SLIPS, meant.length / 3) ? meant : undefined;
}

/** The only word that begins with the other one, or the other one with it: `warn` and `warning`, `error` and `err`. */
function abbreviated(word: string, known: readonly string[]): string | undefined {
  const text = word.toLowerCase();
  const alike = known.filter((name) => {
    const [short, long] = [text, name.toLowerCase()].toSorted((a, b) => a.length - b.length);
    return short!.length >= LEAST_LETTERS && long!.startsWith(short!);
  });
  return alike.length === 1 ? alike[0] : undefined;
}
