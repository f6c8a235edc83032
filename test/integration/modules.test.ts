import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { startDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { chimed } from '../helpers/program.ts';

const interval = '20ms';

describe.concurrent('a module', () => {
  test('that blocks, exits or is broken fails its topic, and no other', async () => {
    using folder = temporaryFolder();
    const bad = {
      blocks: 'for (;;);',
      exits: 'process.exit(1);',
      late: 'setTimeout(() => { throw new Error("late"); }, 1); await new Promise(() => {});',
    };
    for (const [name, code] of Object.entries(bad))
      writeFileSync(folder.file(`${name}.mjs`), `export default async () => { ${code} };`);
    const topics = Object.fromEntries(
      Object.keys(bad).map((name) => [name, { interval, timeout: '500ms', module: `${name}.mjs` }]),
    );
    await using daemon = await startDaemon(
      { topics: { ...topics, tick: { interval, data: 1 } } },
      { folder },
    );
    using client = await daemon.raw();
    for (const name of ['tick', ...Object.keys(bad)]) client.send(name);
    const failing = async () => (await daemon.status()).topics.filter(({ failures }) => failures > 1);
    while ((await failing()).length < 3) await client.messages('tick', 1);
    // The first failure of each: on a busy machine, a process that was killed can still be there at the next sample.
    const firstErrors: Record<string, unknown> = {};
    for (const { type, data } of client.frames.items) {
      const { topic, error } = data as { topic: string; error: string };
      if (type === 'chimed.failing') firstErrors[topic] ??= error;
    }
    expect(firstErrors).toEqual({
      blocks: 'the module took longer than 500 ms (timeout)',
      exits: 'the module failed: its process exited with 1',
      late: 'the module failed: late',
    });
    const { length } = client.frames.items;
    await client.frame('tick', length);
    expect(daemon.log.items.some(({ level }) => level === 'error')).toBe(false);
  });

  test('that has changed is loaded at a reload, although the configuration has not', async () => {
    using folder = temporaryFolder();
    const config = { topics: { t: { interval, module: 'm.mjs' }, same: { interval, module: 'same.mjs' } } };
    writeFileSync(folder.file('m.mjs'), 'export default () => "before";');
    writeFileSync(folder.file('same.mjs'), 'export default () => process.pid;');
    await using daemon = await startDaemon(config, { folder });
    using client = await daemon.raw();
    const { data: pid } = await client.send('t').send('same').frame('same');
    await client.frames.find(({ data }) => data === 'before');
    writeFileSync(folder.file('m.mjs'), 'export default () => "now, after it";');
    expect(await daemon.reload(config)).toMatchObject({ msg: 'reloaded', changed: ['t'] });
    await client.frames.find(({ data }) => data === 'now, after it');
    expect((await client.frame('same', client.frames.items.length)).data, 'it was left alone').toBe(pid);

    writeFileSync(folder.file('m.mjs'), 'export default (');
    expect(await daemon.reload(config)).toMatchObject({
      msg: 'reload failed: the old configuration stays',
      error: expect.stringContaining('m.mjs cannot be loaded'),
    });
  });

  test('that cannot be loaded is a mistake for chimed check, with its line', async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file('m.mjs'), 'throw new Error("early");');
    writeFileSync(folder.file('c.yaml'), 'topics:\n  t:\n    interval: 1s\n    module: m.mjs\n');
    const { exitCode, stderr } = await chimed(['check', folder.file('c.yaml')]);
    expect(exitCode).toBe(78);
    expect(stderr).toMatch(/c\.yaml:4 topics\.t\.module: .*m\.mjs cannot be loaded: early/);
    writeFileSync(folder.file('m.mjs'), 'export default () => 1;');
    expect((await chimed(['check', folder.file('c.yaml')])).exitCode).toBe(0);
  });
});
