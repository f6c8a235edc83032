import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';

import { lookUp } from '../../src/linux/look-up.ts';
import { fileSource } from '../../src/sources/files/file.ts';
import { filesSource } from '../../src/sources/files/matching-files.ts';
import { routeTo } from '../../src/sources/files/route.ts';
import type { Route } from '../../src/sources/files/route.ts';
import { RouteWatch } from '../../src/sources/files/route-watch.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import type { Folder } from '../helpers/folder.ts';
import { Logbook } from '../helpers/logbook.ts';
import { sourceContext } from '../helpers/source-context.ts';
import { Watching } from '../helpers/watching.ts';

let folder: Folder;
let logger: Logbook;

beforeEach(() => {
  folder = temporaryFolder();
  logger = new Logbook();
  return () => folder[Symbol.dispose]();
});

function write(name: string, content: string): void {
  writeFileSync(folder.file(name), content);
}

function watched(file: string) {
  return fileSource(file, sourceContext(folder.path, { logger }), undefined, { watch: true });
}

function watchFile(file: string): Watching {
  return new Watching(watched(file));
}

function watchFiles(files: string): Watching {
  return new Watching(filesSource({ files, watch: true }, sourceContext(folder.path, { logger })));
}

/** inotify watches of this process. */
function watchCount(): number {
  return readdirSync('/proc/self/fd')
    .filter((fd) => isInotify(fd))
    .flatMap((fd) => readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').match(/^inotify wd/gm) ?? []).length;
}

function isInotify(fd: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`) === 'anon_inode:inotify';
  } catch {
    return false; // The one that listed them.
  }
}

describe('a watched file is sampled', () => {
  test('when it is written, appended to and cut off', async () => {
    write('a', 'one');
    await using watching = watchFile('a');
    await watching.gives('one');
    write('a', 'two');
    await watching.gives('two');
    appendFileSync(folder.file('a'), ' three');
    await watching.gives('two three');
    truncateSync(folder.file('a'), 3);
    await watching.gives('two');
    truncateSync(folder.file('a'));
    await watching.gives('');
  });

  test('when another one takes its place, again and again', async () => {
    write('a', '0');
    await using watching = watchFile('a');
    await watching.gives('0');
    for (const content of ['1', '2', '3']) {
      write('a.new', content);
      renameSync(folder.file('a.new'), folder.file('a'));
      await watching.gives(content);
    }
  });

  test('when it is removed and made again', async () => {
    write('a', 'one');
    await using watching = watchFile('a');
    await watching.gives('one');
    rmSync(folder.file('a'));
    await watching.fails('a: No such file or directory');
    write('a', 'two');
    await watching.gives('two');
  });

  test('when it is written under another name', async () => {
    write('a', 'one');
    mkdirSync(folder.file('elsewhere'));
    linkSync(folder.file('a'), folder.file('elsewhere/b'));
    await using watching = watchFile('a');
    await watching.gives('one');
    write('elsewhere/b', 'two');
    await watching.gives('two');
  });

  test('when its directories come later, one by one, and go', async () => {
    await using watching = watchFile('x/y/a');
    await watching.fails('No such file or directory');
    mkdirSync(folder.file('x'));
    mkdirSync(folder.file('x/y'));
    write('x/y/a', 'here');
    await watching.gives('here');
    rmSync(folder.file('x'), { recursive: true });
    await watching.fails('No such file or directory');
    mkdirSync(folder.file('x/y'), { recursive: true });
    write('x/y/a', 'again');
    await watching.gives('again');
  });

  test('when one of its directories is renamed, or replaced', async () => {
    mkdirSync(folder.file('old/deep'), { recursive: true });
    write('old/deep/a', 'old');
    mkdirSync(folder.file('new/deep'), { recursive: true });
    write('new/deep/a', 'new');
    await using watching = watchFile('old/deep/a');
    await watching.gives('old');
    renameSync(folder.file('old'), folder.file('older'));
    await watching.fails('No such file or directory');
    renameSync(folder.file('new'), folder.file('old'));
    await watching.gives('new');
    write('older/deep/a', 'nobody looks here');
    write('old/deep/a', 'newer');
    await watching.gives('newer');
    expect(watching.outcomes.items).not.toContain('"nobody looks here"');
  });

  test('when a link on the way to it changes, as in a volume of Kubernetes', async () => {
    mkdirSync(folder.file('..2026_1'));
    write('..2026_1/app.yaml', 'version: 1');
    symlinkSync('..2026_1', folder.file('..data'));
    symlinkSync('..data/app.yaml', folder.file('app.yaml'));
    symlinkSync(folder.path, folder.file('absolute'));
    await using watching = watchFile('absolute/app.yaml');
    await watching.gives({ version: 1 });
    for (const version of [2, 3]) {
      mkdirSync(folder.file(`..2026_${version}`));
      write(`..2026_${version}/app.yaml`, `version: ${version}`);
      symlinkSync(`..2026_${version}`, folder.file('..data_tmp'));
      renameSync(folder.file('..data_tmp'), folder.file('..data'));
      await watching.gives({ version });
      rmSync(folder.file(`..2026_${version - 1}`), { recursive: true });
    }
    write('..2026_3/app.yaml', 'version: 4'); // In place, behind three links.
    await watching.gives({ version: 4 });
  });

  test('when links that led in a circle lead to it', async () => {
    symlinkSync('b', folder.file('a'));
    symlinkSync('a', folder.file('b'));
    await using watching = watchFile('a');
    await watching.fails('Too many levels of symbolic links');
    rmSync(folder.file('b'));
    write('b', 'here');
    await watching.gives('here');
  });

  test('by way of .. behind a link', async () => {
    mkdirSync(folder.file('one/two'), { recursive: true });
    symlinkSync('one/two', folder.file('link'));
    symlinkSync('link/../a', folder.file('a'));
    write('one/a', 'first');
    await using watching = watchFile('a');
    await watching.gives('first');
    write('one/a', 'second');
    await watching.gives('second');
  });

  test('when it has the name of its directory', async () => {
    mkdirSync(folder.file('same'));
    await using watching = watchFile('same/same');
    await watching.fails('No such file');
    write('same/same', 'here');
    await watching.gives('here');
  });
});

/** How slow the editor is, in milliseconds: slower than changes settle, and faster than a file may be empty. */
const EDITOR_MS = 100;
const EMPTY_MS = 200;

describe('a sample waits', () => {
  test.each([
    ['cut off', (file: string) => truncateSync(file)],
    ['removed', (file: string) => rmSync(file)],
  ])('for the content of a file that is %s and written anew', async (_, spoil) => {
    write('a', '0');
    await using watching = watchFile('a');
    await watching.gives('0');
    for (let round = 1, isJudged = false; !isJudged; round++) {
      const from = watching.count;
      const begun = performance.now();
      spoil(folder.file('a'));
      await pause(EDITOR_MS);
      write('a', String(round));
      isJudged = performance.now() - begun < EMPTY_MS; // Else the machine was busy.
      await watching.gives(String(round));
      if (isJudged) expect(watching.outcomes.items.slice(from)).toEqual([`"${round}"`]);
    }
  });

  test('so that a file that changes all the time is sampled ten times a second', async () => {
    write('a', '0');
    await using watching = watchFile('a');
    await watching.gives('0');
    const begun = performance.now();
    let writes = 0;
    while (watching.count < 12) {
      write('a', String(++writes));
      await turn();
    }
    expect(performance.now() - begun).toBeGreaterThan(1000);
    expect(writes).toBeGreaterThan(100);
    write('a', 'the last one');
    await watching.gives('the last one');
  });
});

test('a link that changes while its directory is about to be watched is noticed', () => {
  write('a', 'one');
  write('b', 'two');
  symlinkSync('a', folder.file('link'));
  let looks = 0;
  const look = (): Route => {
    const route = routeTo(folder.file('link'), lookUp);
    if (++looks > 1) return route;
    rmSync(folder.file('link'));
    symlinkSync('b', folder.file('link'));
    return route;
  };
  const watch = new RouteWatch(look, () => {});
  expect(watch.hasEvent).toBe(true);
  watch.close();
});

test('other files in its directory cause few samples, however often they change', async () => {
  write('a', 'one');
  await using watching = watchFile('a');
  await watching.gives('one');
  for (let index = 0; index < 50; index++) {
    write('other', String(index));
    await turn();
  }
  expect(watching.count).toBe(1);
  for (let index = 0; index < 500; index++) write(`other${index}`, '');
  await watching.gives('one'); // Too many to look at: it can have been among them.
  write('a', 'two');
  await watching.gives('two');
  expect(watching.count).toBeLessThan(15);
});

test('an unwatched file and a sleeping topic have no watches', async () => {
  const before = watchCount();
  write('a', 'one');
  const source = watched('a');
  expect(watchCount()).toBe(before);
  for (let index = 0; index < 3; index++) {
    await using watching = new Watching(source);
    await watching.gives('one');
    expect(watchCount()).toBeGreaterThan(before);
    write('a', 'one'); // It falls asleep between the event and the sample.
  }
  expect(watchCount()).toBe(before);
  expect(fileSource('a', sourceContext(folder.path)).watch).toBeUndefined();
});

describe('what cannot be watched is logged', () => {
  test('once, when a link leads to a file system that reports nothing', async () => {
    write('a', 'one');
    await using watching = watchFile('a');
    await watching.gives('one');
    for (let index = 0; index < 2; index++) {
      rmSync(folder.file('a'));
      symlinkSync('/proc/sys/kernel/ostype', folder.file('a'));
      await watching.gives('Linux');
      rmSync(folder.file('a'));
      write('a', 'one');
      await watching.gives('one');
    }
    expect(logger.lines).toEqual([
      {
        level: 'warn',
        event: 'watch-incomplete',
        topic: 't',
        path: folder.file('a'),
        error: '/proc is on proc, which does not report changes',
        message: 'some changes are noticed only at the next tick',
      },
    ]);
  });
});

describe('watched files are sampled', () => {
  test('when one comes, changes and goes', async () => {
    await using watching = watchFiles('*.json');
    await watching.gives({});
    write('b.json', '1');
    await watching.gives({ 'b.json': 1 });
    write('a.json', '2');
    await watching.gives({ 'a.json': 2, 'b.json': 1 });
    write('b.json', '3');
    await watching.gives({ 'a.json': 2, 'b.json': 3 });
    renameSync(folder.file('a.json'), folder.file('c.json'));
    await watching.gives({ 'b.json': 3, 'c.json': 2 });
    rmSync(folder.file('b.json'));
    await watching.gives({ 'c.json': 2 });
  });

  test('when their directory comes, and when its link changes', async () => {
    await using watching = watchFiles('spool/*');
    await watching.fails('spool: No such file or directory');
    mkdirSync(folder.file('one'));
    write('one/a', '1');
    symlinkSync('one', folder.file('spool'));
    await watching.gives({ a: '1' });
    mkdirSync(folder.file('two'));
    write('two/b', '2');
    execFileSync('ln', ['-sfT', 'two', folder.file('spool')]);
    await watching.gives({ b: '2' });
  });
});

test('a way that links make very long is not followed, which is said', () => {
  mkdirSync(folder.file('x'));
  symlinkSync(`${'x/../'.repeat(500)}end`, folder.file('link'));
  write('end', 'content');
  const looked: string[] = [];
  const route = routeTo(folder.file('link'), (path) => {
    looked.push(path);
    return lookUp(path);
  });
  expect(looked.length).toBeLessThan(300);
  expect(route.end.kind).toBe('too-long');
  const faults: string[] = [];
  const watch = new RouteWatch(
    () => route,
    ({ error }) => faults.push(error),
  );
  watch.close();
  expect(faults).toEqual([`the links on the way to ${folder.file('link')} make it too long to be watched`]);
});
