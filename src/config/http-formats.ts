import { isMapping } from './format.ts';
import type { Format } from './format.ts';

/** What `http` asks for, and expects. */
export const httpFormats = {
  http: {
    expected: 'a request, such as {url: http://localhost:8080/health, expect: 200}',
    check: isMapping,
    shape: { type: 'object' },
  },
} satisfies Record<string, Format>;
