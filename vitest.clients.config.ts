import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    globalSetup: 'test/clients/build.ts',
    include: ['test/clients/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 300_000,
  },
});
