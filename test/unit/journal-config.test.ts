import { writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';

import { loadConfig } from '../../src/config/load.ts';
import type { ConfigError } from '../../src/config/mistakes.ts';
import { journalArguments } from '../../src/sources/journal/journal-matches.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import type { Folder } from '../helpers/folder.ts';

let folder: Folder;

beforeEach(() => {
  folder = temporaryFolder();
  return () => folder[Symbol.dispose]();
});

/** Loads one topic. @throws its mistakes. */
function load(topic: object): unknown {
  const file = folder.file('chimed.yaml');
  writeFileSync(file, JSON.stringify({ topics: { t: topic } }));
  return loadConfig(file, {}).topics[0];
}

function mistakesOf(topic: object): string[] {
  try {
    load(topic);
  } catch (error) {
    return (error as ConfigError).mistakes.map(({ path, message }) => `${path.join('.')}: ${message}`);
  }
  return [];
}

describe('a journal topic', () => {
  test.each([
    [{}],
    [{ unit: 'nginx' }],
    [{ unit: ['-.mount', 'getty@tty1.service', 'dev-sda1.device'], identifier: '--help' }],
    [{ priority: 'err' }],
    [{ priority: 0 }],
    [{ priority: 'emerg..4' }],
    [{ match: ['_UID=0', 'MESSAGE='], fields: 'MESSAGE_ID', directory: '/var/log/journal/remote' }],
  ])('can have %j', (journal) => {
    expect(mistakesOf({ journal })).toEqual([]);
    expect(load({ journal })).toMatchObject({ source: { kind: 'journal', journal }, first: 'last' });
  });

  test.each([
    ['nginx', 'expected what selects entries, such as {unit: nginx, priority: warning}, but it is "nginx"'],
    [{ units: 'nginx' }, 'units is an unknown key; did you mean unit?'],
    [{ since: 'today' }, 'since is an unknown key; expected one of unit, identifier, priority, match, '],
    [{ unit: 'nginx*' }, 'unit is "nginx*"; expected the name of a unit without wildcards'],
    [{ unit: [] }, 'unit is []; expected the name of a unit'],
    [{ unit: Array(65).fill('nginx') }, 'unit is ['],
    [{ priority: 8 }, 'priority is 8; expected one of emerg, alert'],
    [{ priority: 'error' }, 'priority is "error"; did you mean err?'],
    [{ priority: 'warn' }, 'priority is "warn"; did you mean warning?'],
    [{ priority: 'loud' }, 'priority is "loud"; expected one of emerg, alert'],
    [{ priority: 'err..' }, 'priority is "err.."'],
    [{ match: '--file=/etc/passwd' }, 'match is "--file=/etc/passwd"; expected FIELD=value'],
    [{ match: '+' }, 'match is "+"; expected FIELD=value'],
    [{ fields: '__CURSOR' }, 'fields is "__CURSOR"; expected the name of a field'],
    [{ directory: '' }, 'directory is ""; expected a path'],
    [{ ['__proto__x']: 1 }, '__proto__x is an unknown key; expected one of unit'],
  ])('cannot have %j', (journal, fault) => {
    expect(mistakesOf({ journal })).toEqual([expect.stringContaining(`t.journal: ${fault}`)]);
  });

  test('passes nothing to journalctl that could be read as an option', () => {
    const matches = { unit: '-x', identifier: ['--help', 'a b'], match: '_UID=0', priority: 3 };
    const argv = journalArguments(matches, { since: 0 }, { machineId: 'abc' });
    const end = argv.indexOf('--');
    expect(argv.slice(end + 1)).toEqual(['_UID=0', '_MACHINE_ID=abc']);
    expect(argv.slice(0, end)).toEqual(
      expect.arrayContaining(['--unit=-x', '--identifier=--help', '--identifier=a b', '--priority=3']),
    );
  });
});

describe('a stream or a journal topic', () => {
  test.each([
    [{ stream: 'yes', interval: '1s' }, 't.interval: interval does not go with stream'],
    [{ stream: 'yes', timeout: '1s' }, 't.timeout: timeout does not go with stream: it runs as long as'],
    [{ journal: {}, timeout: '1s' }, 't.timeout: timeout does not go with journal'],
    [{ stream: 'yes', format: 'lines' }, 't.format: lines does not go with stream: each line is a message'],
    [{ stream: 'yes', format: 'nagios' }, 't.format: nagios goes with command'],
    [{ journal: {}, format: 'text' }, 't.format: format goes with command, stream, file or files'],
    [{ stream: 'yes', every: '1ms' }, 't.every: expected a duration of at least 10ms'],
    [{ stream: [] }, 't.stream: expected a list of arguments'],
    [{ stream: 'yes', first: 'sample' }, 't.first: '],
  ])('cannot be %j', (topic, mistake) => {
    expect(mistakesOf(topic)).toEqual([expect.stringContaining(mistake)]);
  });
});
