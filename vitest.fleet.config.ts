import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/fleet/**/*.test.ts'],
    // Clusters of real servers, and machines of two processes each.
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
