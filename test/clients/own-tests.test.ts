import { describe, expect, test } from 'vitest';

import { startDaemon } from '../helpers/daemon.ts';
import { Program } from '../helpers/program.ts';
import { languages, run, whyNotTried } from './languages.ts';

describe.each(languages)('the client in $name', (language) => {
  describe.skipIf(whyNotTried(language))('', () => {
    test.each(Object.entries(language.checks))('passes %s', (_, command) => {
      expect(() => run(language, command)).not.toThrow();
    });

    test('has a dashboard that prints messages, and how many it missed', async () => {
      const topics = { 'host.big': { publish: true } };
      await using daemon = await startDaemon({ topics, clients: { pendingBytes: '64KiB' } });
      await using publisher = daemon.connect();
      await publisher.publish('host.big', 'first');
      const env = { CHIMED_SOCKET_PATH: daemon.socket };
      await using dashboard = new Program(['-c', language.dashboard], env, language.folder, 'sh');
      expect((await dashboard.stdout.take(1))[0]).toMatch(/^host\.big 1 "?first"?$/);
      dashboard.kill('SIGSTOP');
      for (let count = 0; count < 50; count++) await publisher.publish('host.big', 'x'.repeat(30_000));
      const { skipped } = (await daemon.status()).clients.find(({ name }) => name === 'dashboard')!;
      expect(skipped).toBeGreaterThan(0);
      dashboard.kill('SIGCONT');
      await dashboard.stdout.find((line) => line.startsWith('host.big 51 '));
      await dashboard.stderr.find((line) => /^missed [1-9]\d* messages of host\.big$/.test(line));
    });
  });
});
