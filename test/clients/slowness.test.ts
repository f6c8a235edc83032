import { expect, test } from 'vitest';

import { slowLanguages } from '../proof/trials/slow-languages.ts';
import { Scale } from '../proof/trial.ts';
import { languages, ownAdapters, whyNotTried } from './languages.ts';

const tried = languages.filter((language) => whyNotTried(language) === undefined);

// The short form of `slow-clients`, with clients of all languages.
test('what a slow client missed is what the daemon skipped, in each language', async () => {
  const adapters = Object.assign(
    { node: ownAdapters.node },
    ...tried.map((language) => language.adapters),
  ) as Record<string, string>;
  const { seen, failures } = await slowLanguages(new Scale(false), adapters);
  console.log(seen);
  expect(failures).toEqual([]);
});
