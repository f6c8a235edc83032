import { defineConfig } from 'vitest/config';

import shared from '../../vitest.config.ts';

export default defineConfig({
  test: { ...shared.test, include: ['test/{versions,integration}/**/*.test.ts'] },
});
