import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/{unit,integration}/**/*.test.ts'],
    // Processes are started for real, on machines that are shared: a slow one is not a broken one.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
