import { isMapping } from './format.ts';
import type { Format } from './format.ts';

/** What `journal` selects entries by. */
export const journalFormats = {
  journal: {
    expected: 'what selects entries, such as {unit: nginx, priority: warning}',
    check: isMapping,
    shape: { type: 'object' },
  },
} satisfies Record<string, Format>;
