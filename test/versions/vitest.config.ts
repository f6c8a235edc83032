import { defineConfig } from 'vitest/config';

import shared from '../../vitest.config.ts';

export default defineConfig({
  // It is built already: old versions of Node do not run the TypeScript that builds it.
  test: { ...shared.test, globalSetup: [], include: ['test/{versions,integration}/**/*.test.ts'] },
});
