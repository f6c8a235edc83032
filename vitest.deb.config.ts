import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/deb/**/*.test.ts'],
    globalSetup: ['test/system/seen.ts'],
    maxWorkers: 2,
    testTimeout: 300_000,
    hookTimeout: 120_000,
  },
});
