import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { loadConfig, readConfig } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/mistakes.ts';
import { temporaryFolder } from '../helpers/folder.ts';

/** A configuration with one topic that has this request. */
const config = (http: unknown, topic: object = {}): object => ({
  topics: { t: { interval: '1s', http, ...topic } },
});

function load(value: object) {
  using folder = temporaryFolder();
  writeFileSync(folder.file('c.yaml'), JSON.stringify(value));
  return loadConfig(folder.file('c.yaml'), {}).topics[0]!;
}

function mistakes(value: object): string[] {
  try {
    load(value);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.mistakes.map(({ path, message }) => `${path.join('.')}: ${message}`);
  }
  return [];
}

const url = 'http://localhost:8080/health';

describe('a request', () => {
  test('has its defaults', () => {
    expect(load(config({ url }))).toMatchObject({
      source: { kind: 'http', http: { url, method: 'GET', headers: {}, expect: {}, body: true } },
      timeoutMs: 10_000,
      first: 'sample',
    });
  });

  test('is resolved', () => {
    const http = {
      url,
      socket: '/run/docker.sock',
      method: 'GET',
      headers: { Accept: 'text/plain', 'X-Try': 1 },
      body: false,
      ca: 'ca.pem',
    };
    const raw = { ...http, expect: { status: ['2xx', 301], body: 'ready' }, timeout: '3s' };
    expect(load(config(raw))).toMatchObject({
      source: { http: { ...http, headers: { Accept: 'text/plain', 'X-Try': '1' }, expect: raw.expect } },
      timeoutMs: 3000,
    });
  });

  test.each([
    [200, [200]],
    ['2xx', ['2xx']],
    [
      [200, '3xx'],
      [200, '3xx'],
    ],
    [{ status: 204 }, [204]],
    [{ body: 'ready' }, undefined],
  ])('expects the statuses of %j', (expected, status) => {
    const { source } = load(config({ url, expect: expected }));
    expect(source.kind === 'http' && source.http.expect.status).toEqual(status);
  });

  test('with a timeout of its own is printed so that it can be read again', () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file('c.yaml'), JSON.stringify(config({ url, timeout: '3s' })));
    writeFileSync(folder.file('d.yaml'), JSON.stringify(readConfig(folder.file('c.yaml'), {}).written));
    expect(loadConfig(folder.file('d.yaml'), {}).topics[0]!.timeoutMs).toBe(3000);
  });
});

describe('a request with a mistake is named, without its secrets:', () => {
  test.each<[string, unknown, RegExp]>([
    ['no mapping', url, /expected a request, such as .*, but it is a text$/],
    ['no URL', { expect: 200 }, /: no url; expected a request, such as \{url: http:/],
    ['an unknown key', { url, expects: 200 }, /: expects is an unknown key; did you mean expect\?$/],
    [
      'a key of nothing',
      { url, retries: 2 },
      /: retries is an unknown key; expected one of url, socket, method, /,
    ],
    [
      'a URL that is none',
      { url: 'localhost:hunter2' },
      /: url begins with localhost:; expected http: or https:$/,
    ],
    ['a URL without a scheme', { url: '//hunter2' }, /: url is not a URL; expected http:/],
    [
      'a password in the URL',
      { url: 'http://me:hunter2@host/' },
      /: url contains a user or a password; they belong in headers/,
    ],
    ['another method', { url, method: 'POST' }, /: method is none of GET, HEAD$/],
    ['headers that are none', { url, headers: 'hunter2' }, /: headers is a text; expected names and values$/],
    [
      'the name of a header',
      { url, headers: { 'Token: hunter2': '' } },
      /: headers has a name with an invalid character after "Token"$/,
    ],
    [
      'the start of a name',
      { url, headers: { ': hunter2': '' } },
      /: headers has a name that begins with an invalid character$/,
    ],
    ['an empty name', { url, headers: { '': 'hunter2' } }, /: headers has an empty name$/],
    [
      'the value of a header',
      { url, headers: { Token: ['hunter2'] } },
      /: headers has Token, which is a list; expected a text$/,
    ],
    [
      'a second header in a value',
      { url, headers: { Token: 'hunter2\r\nHost: x' } },
      /: headers has Token with a character that a header cannot carry$/,
    ],
    [
      'a header of the transport',
      { url, headers: { 'content-length': 5 } },
      /: headers has content-length, which chimed sets itself$/,
    ],
    ['a status that is none', { url, expect: 99 }, /: expect is not a status; expected a status such as 200/],
    ['a class that is none', { url, expect: ['2xx', 'ok'] }, /: expect is not a status; /],
    [
      'a status that is a text',
      { url, expect: '200' },
      /: expect is a text; write 200 without quotes; expected a status/,
    ],
    [
      'a status in quotes in a list',
      { url, expect: ['2xx', '404'] },
      /: expect is a text; write 404 without/,
    ],
    [
      'a status in quotes beside a body',
      { url, expect: { status: '200', body: 'x' } },
      /: expect has a status that is a text; write 200 without quotes/,
    ],
    ['no status', { url, expect: [] }, /: expect is not a status; /],
    ['nothing to expect', { url, expect: {} }, /: expect is empty; /],
    [
      'a body that is no text',
      { url, expect: { body: 1 } },
      /: expect has a body that is a number; expected a text/,
    ],
    [
      'another thing to expect',
      { url, expect: { code: 200 } },
      /: expect has code, which is neither status nor body$/,
    ],
    [
      'a body of an answer to HEAD',
      { url, method: 'HEAD', expect: { body: 'x' } },
      /an answer to HEAD has none; use method: GET$/,
    ],
    ['a body that is not true or false', { url, body: 'none' }, /: body is a text; expected true or false$/],
    [
      'no path of a socket',
      { url, socket: '' },
      /: socket is an empty text; expected the path of a Unix socket$/,
    ],
    ['no path of a ca', { url, ca: 1 }, /: ca is a number; expected the path of a PEM file$/],
  ])('%s', (_, http, message) => {
    expect(mistakes(config(http))).toEqual([expect.stringMatching(message)]);
    expect(mistakes(config(http))[0]).toMatch(/^topics\.t\.http: (?!.*hunter2)/s);
  });

  test('a timeout that is none, and two', () => {
    expect(mistakes(config({ url, timeout: 5 }))).toEqual([
      expect.stringMatching(
        /^topics\.t\.http\.timeout: expected a duration of at most 24d, such as .*, but it is 5$/,
      ),
    ]);
    expect(mistakes(config({ url, timeout: '5s' }, { timeout: '6s' }))).toEqual([
      'topics.t.http.timeout: two timeouts, http.timeout and timeout; a topic has one',
    ]);
  });
});
