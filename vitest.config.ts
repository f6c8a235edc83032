import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // What users start, which takes a third of the time that its sources need.
    globalSetup: 'test/helpers/build.ts',
    include: ['test/{unit,integration}/**/*.test.ts'],
    // Processes are started for real, on machines that are shared: a slow one is not a broken one.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
