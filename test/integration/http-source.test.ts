import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createServer as createRawServer } from 'node:net';
import type { AddressInfo, Server as RawServer, Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { readHttp } from '../../src/config/read-http.ts';
import type { RawHttp } from '../../src/config/http-formats.ts';
import { httpSource } from '../../src/sources/http/http.ts';
import type { SourceContext } from '../../src/sources/source.ts';
import { makeCertificates } from '../helpers/certificates.ts';
import { startDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { Inbox } from '../helpers/inbox.ts';
import { Program, root } from '../helpers/program.ts';
import { has } from '../helpers/programs-here.ts';
import { sourceContext } from '../helpers/source-context.ts';

const { signal } = new AbortController();

/** What an answer has beside its status. */
const ms = expect.any(Number);

/** A server, which ends with its scope. */
async function listening<Kind extends RawServer>(
  server: Kind,
  path?: string,
): Promise<AsyncDisposable & { port: number; server: Kind }> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  if (path === undefined) server.listen(0, '127.0.0.1');
  else server.listen(path);
  await once(server, 'listening');
  return {
    server,
    port: path === undefined ? (server.address() as AddressInfo).port : 0,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

const answering = (listener: RequestListener) => listening<Server>(createServer(listener));

/** Answers with these bytes, whatever it is asked, and closes the connection if `ends`. */
const saying = (bytes: string | Buffer, ends = false) =>
  listening(
    createRawServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => (ends ? socket.end(bytes) : socket.write(bytes)));
    }),
  );

function sample(raw: RawHttp, context: Partial<SourceContext> = {}, directory = '/'): Promise<unknown> {
  return Promise.resolve(httpSource(readHttp(raw), sourceContext(directory, context)).sample(signal));
}

const failureOf = async (sampled: Promise<unknown>): Promise<string> =>
  await sampled.then(
    (payload) => `no failure, but ${JSON.stringify(payload)}`,
    (error: Error) => error.message,
  );

const url = (port: number, path = '/'): string => `http://127.0.0.1:${port}${path}`;

describe('the payload has the status, the time and the body of the answer:', () => {
  test.each<[string, Record<string, string>, string | Buffer, unknown]>([
    ['JSON', { 'content-type': 'application/json; charset=utf-8' }, '{"a": [1, "é"]}', { a: [1, 'é'] }],
    [
      'another kind of JSON',
      { 'content-type': 'application/health+json' },
      '{"status":"pass"}',
      { status: 'pass' },
    ],
    ['text that is called JSON', { 'content-type': 'application/json' }, 'OK\n', 'OK'],
    ['text that looks like JSON', { 'content-type': 'text/plain' }, '{"a": 1}', '{"a": 1}'],
    ['text of no type', {}, 'ready\n', 'ready'],
    ['nothing', {}, '', ''],
    [
      'Latin-1',
      { 'content-type': 'text/html; charset="ISO-8859-1"' },
      Buffer.from('caf\xe9', 'latin1'),
      'café',
    ],
  ])('%s', async (_, headers, body, payload) => {
    await using server = await answering((_request, response) => response.writeHead(200, headers).end(body));
    expect(await sample({ url: url(server.port) })).toEqual({ status: 200, ms, body: payload });
  });

  test('any status is a result without `expect`', async () => {
    await using server = await answering((_, response) => response.writeHead(503).end('down'));
    expect(await sample({ url: url(server.port) })).toEqual({ status: 503, ms, body: 'down' });
  });

  test('a redirect is not followed', async () => {
    const paths: string[] = [];
    await using server = await answering(({ url: path }, response) => {
      paths.push(path!);
      response.writeHead(301, { location: '/new' }).end();
    });
    expect(await sample({ url: url(server.port, '/old') })).toEqual({
      status: 301,
      ms,
      location: '/new',
      body: '',
    });
    expect(paths).toEqual(['/old']);
  });

  test('without the body: for HEAD, and with body: false, however long it is', async () => {
    await using server = await answering((_, response) => response.end('x'.repeat(5000)));
    expect(await sample({ url: url(server.port), method: 'HEAD' })).toEqual({ status: 200, ms });
    expect(await sample({ url: url(server.port), body: false })).toEqual({ status: 200, ms });
    expect(
      await sample({ url: url(server.port), body: false, expect: { body: 'xx' } }, { maxBytes: 5000 }),
    ).toEqual({ status: 200, ms });
  });

  test('of a server that sends a body of 300 KiB a byte at a time', async () => {
    const chunks = '1\r\nx\r\n'.repeat(300 * 1024);
    await using server = await saying(
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`,
    );
    const payload = await sample({ url: url(server.port) }, { maxBytes: 300 * 1024 });
    expect(payload).toEqual({ status: 200, ms, body: 'x'.repeat(300 * 1024) });
  });

  test('of a server on a Unix socket', async () => {
    using folder = temporaryFolder();
    await using _server = await listening(
      createServer((request, response) => response.end(request.url)),
      folder.file('s'),
    );
    expect(await sample({ url: 'http://localhost/info', socket: 's' }, {}, folder.path)).toEqual({
      status: 200,
      ms,
      body: '/info',
    });
    expect(await failureOf(sample({ url: 'http://localhost/', socket: 'none' }, {}, folder.path))).toBe(
      `there is no socket ${folder.file('none')}`,
    );
  });
});

describe('an answer that is not as expected fails the sample:', () => {
  test.each<[RawHttp['expect'], string | undefined]>([
    [204, undefined],
    ['2xx', undefined],
    [[200, 204], undefined],
    [['3xx', 204], undefined],
    [{ status: 204 }, undefined],
    [200, 'expected 200, it answered 204 No Content'],
    ['5xx', 'expected 5xx, it answered 204 No Content'],
    [[200, '3xx'], 'expected 200 or 3xx, it answered 204 No Content'],
    [{ status: '4xx', body: 'x' }, 'expected 4xx, it answered 204 No Content'],
    [{ body: 'ready' }, 'the body of the answer does not contain "ready" (expect.body)'],
  ])('%j', async (expected, failure) => {
    await using server = await saying('HTTP/1.1 204 secret\r\n\r\n');
    const sampled = sample({ url: url(server.port), expect: expected! });
    if (failure === undefined) expect(await sampled).toEqual({ status: 204, ms, body: '' });
    else expect(await failureOf(sampled)).toBe(failure);
  });

  test('a text that must occur occurs', async () => {
    await using server = await answering((_, response) => response.end('all is well'));
    expect(await sample({ url: url(server.port), expect: { status: 200, body: 'is well' } })).toMatchObject({
      status: 200,
    });
  });
});

describe('a server that misbehaves fails the sample:', () => {
  const head = 'HTTP/1.1 200 OK\r\n';
  test.each<[string, string | Buffer, boolean, string]>([
    [
      'closes at once',
      '',
      true,
      'the server closed the connection without an answer; if it speaks TLS, change http: to https: in the URL',
    ],
    [
      'breaks off in its body',
      `${head}Content-Length: 9\r\n\r\nhalf`,
      true,
      'the server closed the connection before the end of its answer',
    ],
    ['speaks another protocol', '220 mail ESMTP\r\n', true, 'the answer is not HTTP'],
    [
      'sends a chunk without a length',
      `${head}Transfer-Encoding: chunked\r\n\r\nx`,
      false,
      'the answer is not valid HTTP: Invalid character in chunk size',
    ],
    [
      'sends a header without a colon',
      `${head}Content Length\r\n\r\nx`,
      false,
      'the answer is not valid HTTP: Invalid header token',
    ],
    [
      'answers with an alert of TLS',
      Buffer.from([21, 3, 1, 0, 2, 2, 22]),
      true,
      'the server speaks TLS; change http: to https: in the URL',
    ],
    [
      'sends headers without end',
      `${head}${'X-Header: 0123456789\r\n'.repeat(5000)}`,
      false,
      'the headers of the answer are too large; the limit is 16 KiB',
    ],
    [
      'sends interim answers without end',
      'HTTP/1.1 102 Processing\r\n\r\n'.repeat(50),
      false,
      'the server sent more than 10 interim answers (1xx)',
    ],
    [
      'switches protocols',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
      false,
      'the server switched to another protocol than HTTP (101)',
    ],
    [
      'sends too long a body',
      `${head}\r\n${'x'.repeat(1001)}`,
      false,
      'the body of the answer has more than 1000 bytes (maxBytes); raise maxBytes, or set body: false to leave it out',
    ],
    [
      'sends too long a body in pieces',
      `${head}Transfer-Encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(1001)}`,
      false,
      'the body of the answer has more than 1000 bytes (maxBytes); raise maxBytes, or set body: false to leave it out',
    ],
    [
      'compresses its body',
      `${head}Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx`,
      false,
      'the body of the answer is compressed, though chimed did not ask for that; set body: false to leave it out',
    ],
    [
      'sends what is no text',
      Buffer.from(`${head}Content-Length: 2\r\n\r\n\xff\xff`, 'latin1'),
      false,
      'the body of the answer is not text (The encoded data was not valid for encoding utf-8); set body: false to leave it out',
    ],
  ])('%s', async (_, bytes, ends, failure) => {
    await using server = await saying(bytes, ends);
    expect(await failureOf(sample({ url: url(server.port) }))).toBe(failure);
  });

  test.each([
    ['says nothing', '', 'the server accepted the connection, but did not answer within 300 ms (timeout)'],
    [
      'does not end its body',
      `${head}Content-Length: 9\r\n\r\nx`,
      'the server answered, but its body did not end within 300 ms (timeout)',
    ],
  ])('%s', async (_, bytes, failure) => {
    await using server = await saying(bytes);
    expect(await failureOf(sample({ url: url(server.port) }, { timeoutMs: 300 }))).toBe(failure);
  });

  test('does not listen', async () => {
    const { port } = await free();
    expect(await failureOf(sample({ url: url(port) }))).toBe(
      `connection refused: nothing listens on 127.0.0.1 port ${port}`,
    );
  });
});

test('a name that no DNS server can know fails the sample', async () => {
  const name = `${'x'.repeat(64)}.example`; // The parts of a name have at most 63 characters.
  expect(await failureOf(sample({ url: `http://${name}/` }))).toBe(`host not found: ${name}`);
});

/** A port that nobody listens on any more. */
async function free(): Promise<{ port: number }> {
  await using server = await saying('');
  return { port: server.port };
}

describe('a request', () => {
  test('has its headers, asks for no compression, and has a connection of its own, which it closes', async () => {
    const closed = new Inbox<string>();
    const heads: object[] = [];
    await using server = await answering(({ headers, socket }, response) => {
      heads.push(headers);
      socket.once('close', () => closed.push('closed'));
      response.end();
    });
    const source = httpSource(
      readHttp({
        url: url(server.port),
        headers: { Authorization: 'Bearer hunter2', Host: 'shop.example', 'X-Try': 1 },
      }),
      sourceContext('/'),
    );
    for (const _ of [1, 2]) {
      await source.sample(signal);
    }
    await closed.take(2);
    expect(heads).toEqual(
      [1, 2].map(() => ({
        authorization: 'Bearer hunter2',
        host: 'shop.example',
        'x-try': '1',
        connection: 'close',
      })),
    );
  });

  test('ends when the topic falls asleep', async () => {
    const seen = new Inbox<string>();
    await using server = await answering(({ socket }) => {
      socket.once('close', () => seen.push('closed'));
      seen.push('asked');
    });
    const ending = new AbortController();
    const sampled = failureOf(
      Promise.resolve(
        httpSource(readHttp({ url: url(server.port) }), sourceContext('/')).sample(ending.signal),
      ),
    );
    await seen.take(1);
    ending.abort();
    expect(await sampled).toBe('it is no longer needed');
    expect(await seen.take(2)).toEqual(['asked', 'closed']);
  });

  test('goes to the server itself, whatever variables for proxies there are', async () => {
    await using proxy = await answering((_, response) => response.end('proxy'));
    await using server = await answering((_, response) => response.end('server'));
    for (const name of ['http_proxy', 'HTTP_PROXY', 'all_proxy']) vi.stubEnv(name, url(proxy.port));
    vi.stubEnv('NODE_USE_ENV_PROXY', '1');
    expect(await sample({ url: url(server.port) })).toMatchObject({ body: 'server' });
    vi.unstubAllEnvs();
  });
});

describe.skipIf(!has('openssl'))('with TLS', () => {
  const folder = temporaryFolder();
  let identities: ReturnType<typeof makeCertificates>;
  beforeAll(() => {
    identities = makeCertificates(folder.path);
  });
  afterAll(() => folder[Symbol.dispose]());

  const secure = (identity: keyof typeof identities) =>
    listening(createSecureServer(identities[identity], (_, response) => response.end('secure')));
  const ask = (port: number, raw: Partial<RawHttp> = {}) =>
    sample({ url: `https://localhost:${port}/`, ...raw }, {}, folder.path);

  test('an endpoint answers if its certificate is of an authority in ca', async () => {
    await using server = await secure('valid');
    expect(await ask(server.port, { ca: 'ca.pem' })).toEqual({ status: 200, ms, body: 'secure' });
  });

  test('each sample verifies the certificate, by the file as it is then', async () => {
    await using server = await secure('valid');
    writeFileSync(folder.file('authorities.pem'), identities.selfSigned.cert);
    const source = httpSource(
      readHttp({ url: `https://localhost:${server.port}/`, ca: 'authorities.pem' }),
      sourceContext(folder.path),
    );
    const sampled = async () => await failureOf(Promise.resolve(source.sample(signal)));
    expect(await sampled()).toMatch(
      /^its certificate was issued by an authority that is not trusted here; set ca/,
    );
    execFileSync('cp', ['ca.pem', 'authorities.pem'], { cwd: folder.path });
    expect(await sampled()).toMatch(/^no failure/);
    server.server.setSecureContext(identities.expired);
    expect(await sampled()).toBe('its certificate has expired');
  });

  test.each<[string, 'valid' | 'expired' | 'selfSigned', Partial<RawHttp>, string | RegExp]>([
    [
      'an unknown authority',
      'valid',
      {},
      /^its certificate was issued by an authority that is not trusted here; set ca to a PEM file/,
    ],
    ['a certificate that has expired', 'expired', { ca: 'ca.pem' }, 'its certificate has expired'],
    ['a self-signed certificate', 'selfSigned', {}, /^its certificate is self-signed; set ca to a PEM file/],
    [
      'a ca without a certificate',
      'valid',
      { ca: 'ca.key' },
      /ca\.key has no certificate in PEM format \(ca\)$/,
    ],
    ['a ca that does not exist', 'valid', { ca: 'none.pem' }, /none\.pem: No such file or directory$/],
  ])('%s fails the sample', async (_, identity, raw, failure) => {
    await using server = await secure(identity);
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    expect(await failureOf(ask(server.port, raw))).toMatch(failure);
    vi.unstubAllEnvs();
  });

  test('a certificate for another name fails the sample', async () => {
    await using server = await secure('valid');
    expect(
      await failureOf(ask(server.port, { url: `https://127.0.0.1:${server.port}/`, ca: 'ca.pem' })),
    ).toBe('its certificate is for another name: expected 127.0.0.1, but it is for DNS:localhost');
  });

  test('plain HTTP to a port with TLS fails the sample, and says what to try', async () => {
    await using server = await secure('valid');
    expect(await failureOf(sample({ url: url(server.port) }))).toBe(
      'the server closed the connection without an answer; if it speaks TLS, change http: to https: in the URL',
    );
  });

  test('a server without TLS fails the sample', async () => {
    await using server = await answering((_, response) => response.end());
    expect(await failureOf(ask(server.port))).toBe(
      'the server does not speak TLS; if it speaks plain HTTP, change https: to http: in the URL',
    );
  });

  test('a server that does not complete the handshake fails the sample', async () => {
    await using server = await listening(createRawServer());
    const sampled = sample({ url: `https://127.0.0.1:${server.port}/` }, { timeoutMs: 300 });
    expect(await failureOf(sampled)).toBe(
      'the server accepted the connection, but did not complete the TLS handshake within 300 ms (timeout)',
    );
  });
});

test('a topic fails for its subscribers without telling secrets, and recovers', async () => {
  let status = 503;
  await using server = await answering((_, response) => response.writeHead(status).end('well'));
  const http = {
    url: url(server.port, '/?token=hunter2'),
    headers: { Authorization: 'hunter2' },
    expect: 200,
  };
  await using daemon = await startDaemon({ topics: { shop: { interval: '50ms', http } } });
  using client = await daemon.raw();
  client.send('chimed.register', { topics: ['shop'] });
  expect((await client.frame('chimed.failing')).data).toMatchObject({
    topic: 'shop',
    error: 'expected 200, it answered 503 Service Unavailable',
  });
  const { topics } = await daemon.status();
  expect(topics[0]).toMatchObject({
    source: 'http',
    lastError: 'expected 200, it answered 503 Service Unavailable',
  });
  status = 200;
  expect((await client.frame('shop')).data).toEqual({ status: 200, ms, body: 'well' });
  expect(JSON.stringify([topics, daemon.log.items])).not.toContain('hunter2');
});

/** Runs what follows as root of a network of its own, in which DNS queries are never answered. */
const SILENT_DNS = `
  ip link set lo up
  mount --bind resolv.conf /etc/resolv.conf
  exec python3 -I -c '
import os, socket, sys
dns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
dns.bind(("127.0.0.1", 53))
dns.set_inheritable(True)
os.execv(sys.argv[1], sys.argv[1:])' "$@"`;
const namespaces = ['--map-root-user', '--mount', '--net'];
const canIsolate = has('python3') && has('ip') && spawnSync('unshare', [...namespaces, 'true']).status === 0;
if (!canIsolate)
  process.stderr.write(
    'SKIPPED: a test of DNS servers that never answer needs python3, ip and user namespaces\n',
  );

test.skipIf(!canIsolate)(
  'DNS servers that never answer delay no topic but those that need them',
  async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file('resolv.conf'), 'nameserver 127.0.0.1\n');
    writeFileSync(folder.file('value'), 'read');
    const script = join(root, 'test/helpers/silent-dns-process.ts');
    await using program = new Program(
      [...namespaces, 'sh', '-euc', SILENT_DNS, 'sh', process.execPath, script, folder.path],
      {},
      folder.path,
      'unshare',
    );
    expect(await program.ended, program.output.stderr).toBe(0);
    const { failures, others, processes } = JSON.parse(program.output.stdout) as Record<string, unknown>;
    expect(failures).toEqual(
      Array.from(
        { length: 6 },
        () =>
          'the name was not looked up within 2000 ms (timeout); the DNS servers of this machine do not answer',
      ),
    );
    expect(processes).toBe(5); // One is looked up by the process itself.
    expect(others).toEqual(['read', 'ran', { status: 200, ms, body: 'answered' }]);
  },
  20_000,
);
