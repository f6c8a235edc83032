import { connect } from 'node:net';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';

import { startDaemon } from '../helpers/daemon.ts';
import { TOKEN, TestGateway } from '../helpers/gateway.ts';
import { ask } from '../helpers/http.ts';
import { chimed } from '../helpers/program.ts';

const topics = {
  tick: { interval: '50ms', data: [1, 2], history: 1000, always: true },
  asleep: { interval: '50ms', data: 1 },
  note: { publish: true },
  bad: { interval: '50ms', command: 'exit 3', always: true },
};

test('lists topics, and has their last messages', async () => {
  await using daemon = await startDaemon({ topics });
  await using gateway = await TestGateway.start(daemon);
  const { status, topicCount, topics: all } = await gateway.json('/topics');
  expect([status, topicCount, all!.map(({ topic }) => topic)]).toEqual([
    200,
    4,
    ['tick', 'asleep', 'note', 'bad'],
  ]);
  expect((await gateway.json('/topics?topics=note,tic.*')).topics).toHaveLength(1);
  await expect
    .poll(() => gateway.json('/topics/tick'))
    .toMatchObject({ status: 200, topic: 'tick', data: [1, 2] });
  expect(await gateway.json('/topics/asleep')).toMatchObject({ status: 404, error: { code: 'no-message' } });
  expect(await gateway.json('/topics/nothing')).toMatchObject({
    status: 404,
    error: { code: 'unknown-topic', message: expect.stringContaining('tick') },
  });
  expect(await gateway.json('/topics?topics=a..b')).toMatchObject({
    status: 400,
    error: { code: 'bad-request' },
  });
  expect(await gateway.json('/topics/a%2')).toMatchObject({ status: 400 });
  // Nobody has listened to it: what asks for a list wakes nothing.
  expect((await daemon.status()).topics.find(({ topic }) => topic === 'asleep')).toMatchObject({ seq: 0 });
});

test('publishes JSON, and says why it does not', async () => {
  await using daemon = await startDaemon({ topics });
  await using gateway = await TestGateway.start(daemon);
  const json = { 'content-type': 'application/json' };
  const post = (path: string, body: string, headers = json) =>
    gateway.json(path, { method: 'POST', headers, body });
  expect(await post('/topics/note', '{"a":1}')).toEqual({ status: 201, topic: 'note', seq: 1 });
  const first = await gateway.ask('/topics/note');
  expect(JSON.parse(first.text)).toMatchObject({ seq: 1, data: { a: 1 } });
  const again = await gateway.ask('/topics/note', { headers: { 'if-none-match': first.headers.etag } });
  expect([again.status, again.text]).toEqual([304, '']);
  await post('/topics/note', 'null', { 'content-type': 'application/json; charset=utf-8' });
  expect(
    (await gateway.ask('/topics/note', { headers: { 'if-none-match': first.headers.etag } })).status,
  ).toBe(200);

  expect(await post('/topics/note', '{')).toMatchObject({ status: 400, error: { code: 'not-json' } });
  expect(await post('/topics/note', '1', { 'content-type': 'text/plain' })).toMatchObject({ status: 415 });
  expect(await post('/topics/tick', '1')).toMatchObject({ status: 405, error: { code: 'not-publishable' } });
  expect(await post('/topics/nothing', '1')).toMatchObject({ status: 404 });
  expect(await post('/topics/note', JSON.stringify('x'.repeat(2 ** 21)))).toMatchObject({ status: 413 });
  expect(await post('/topics', '1')).toMatchObject({
    status: 405,
    error: { message: expect.stringContaining('GET') },
  });
  expect(await gateway.json('/topics/note')).toMatchObject({ status: 200, seq: 2, data: null });
});

test('says how healthy the daemon is, waits for it while it is away, and connects again', async () => {
  const { bad: _, ...healthy } = topics;
  await using daemon = await startDaemon({ topics: healthy });
  await using gateway = await TestGateway.start(daemon);
  expect((await daemon.status()).clientCount).toBe(1); // This question alone: the gateway has not connected yet.
  expect(await gateway.json('/healthz')).toEqual({ status: 'ok' });
  using stream = await gateway.listen('topics=tick');
  await stream.named('message', 2);

  const from = stream.events.items.length;
  daemon.program.kill();
  await daemon.program.ended;
  const [waiting] = await stream.events.take(1, ({ data }) => data.status === 'waiting', from);
  expect(waiting!.data.reason).toContain('stopped');
  await expect.poll(() => gateway.json('/healthz')).toMatchObject({ status: 'down' });
  const away = await gateway.ask('/topics/tick');
  expect([away.status, away.headers['retry-after']]).toEqual([503, '1']);

  await using again = await startDaemon({ topics }, { folder: daemon.folder, socket: daemon.socket });
  await again.logged(/failing/);
  await stream.named('message', 2, stream.events.items.length);
  await expect
    .poll(() => gateway.json('/healthz'))
    .toMatchObject({
      status: 'failing',
      failing: [{ topic: 'bad', error: expect.stringContaining('3') }],
    });
});

test('a stream resumes after its last event, by the header or by the query, and tells what is lost', async () => {
  await using daemon = await startDaemon({
    topics: { ...topics, short: { interval: '20ms', data: 1, always: true } },
  });
  await using gateway = await TestGateway.start(daemon);
  const stream = await gateway.listen('topics=tick');
  const [, second] = await stream.named('message', 2);
  const after = Number(second!.data['seq']);
  stream[Symbol.dispose]();
  using live = await gateway.listen('topics=tick');
  await live.named('message', 5); // Meanwhile some have come.

  for (const [query, headers] of [
    ['topics=tick', { 'last-event-id': second!.id! }],
    [`topics=tick&after=${second!.id}`, {}],
  ] as const) {
    using resumed = await gateway.listen(query, headers);
    const [third, fourth] = await resumed.named('message', 2);
    expect([third!.data.seq, fourth!.data.seq]).toEqual([after + 1, after + 2]);
    expect(resumed.events.items.some(({ event }) => event === 'missed')).toBe(false);
  }

  using short = await gateway.listen(`topics=short&after=${second!.id}`);
  const [missed] = await short.named('missed');
  const [next] = await short.named('message');
  expect(missed!.data).toEqual({ topic: 'short', missed: expect.any(Number) });
  expect(next!.data.seq).toBeGreaterThan(Number(missed!.data['missed']));

  using unknown = await gateway.listen('topics=tick&after=0123456789abcdef:7');
  expect((await unknown.named('missed'))[0]!.data).toEqual({ missed: null });
});

test('a stream tells of sources that fail and recover, and of topics that are not there', async () => {
  await using daemon = await startDaemon({ topics });
  await using gateway = await TestGateway.start(daemon);
  using stream = await gateway.listen('topics=bad,tick');
  const [failing] = await stream.named('failing');
  expect(failing!.data).toMatchObject({ topic: 'bad', error: 'the command exited with 3' });
  expect(stream.events.items[0]).toEqual({ event: 'state', data: { status: 'ready' } });
  await daemon.reload({ topics: { ...topics, bad: { ...topics.bad, command: 'echo 1' } } });
  const [recovered] = await stream.named('recovered');
  expect(recovered!.data).toMatchObject({ topic: 'bad' });

  expect(await gateway.json('/listen?topics=nothing')).toMatchObject({
    status: 404,
    error: { code: 'unknown-topic' },
  });
  expect(await gateway.json('/listen?topics=..')).toMatchObject({ status: 400 });

  await daemon.reload({ topics: { note: topics.note } });
  const [refused] = await stream.named('refused');
  expect(refused!.data).toMatchObject({ code: 'unknown-topic' });
});

test('the loopback port answers to its own names, to its own page, and to whoever has the token', async () => {
  const access = { subscribe: [0] };
  await using daemon = await startDaemon({ topics: { ...topics, secret: { ...topics.tick, access } } });
  await using gateway = await TestGateway.start(daemon, { web: { hosts: 'chimed.example' } });
  const status = async (headers: Record<string, string>) =>
    (await gateway.loopback('/topics', { headers })).status;
  expect(await status({})).toBe(200);
  expect(await status({ authorization: 'Bearer wrong' })).toBe(401);
  expect(await status({ authorization: '' })).toBe(401);
  for (const host of ['evil.example', '127.0.0.1.evil.example', 'localhost.evil.example:80'])
    expect([host, await status({ host })]).toEqual([host, 421]);
  for (const host of ['localhost:1', '127.0.0.1', '[::1]:5', 'chimed.example', 'CHIMED.example:443'])
    expect([host, await status({ host })]).toEqual([host, 200]);
  expect(await status({ 'sec-fetch-site': 'cross-site' })).toBe(403);
  expect(await status({ 'sec-fetch-site': 'same-site' })).toBe(403);
  expect(await status({ 'sec-fetch-site': 'same-origin' })).toBe(200);
  expect(await status({ origin: 'http://evil.example' })).toBe(403);
  expect(await status({ origin: 'null' })).toBe(403);

  const all = JSON.parse((await gateway.loopback('/topics')).text) as { topics: { topic: string }[] };
  expect(all.topics.map(({ topic }) => topic)).not.toContain('secret');
  expect((await gateway.loopback('/topics/secret')).status).toBe(404);
  expect((await gateway.json('/topics')).topics!.map(({ topic }) => topic)).toContain('secret');
  // Whoever has the token monitors the daemon, and sees how many clients each user has.
  const { text } = await gateway.loopback('/metrics');
  expect(text).toContain(`chimed_user_clients{uid="${process.getuid!()}"}`);
  expect(text).not.toContain('secret');
  const { headers } = await gateway.loopback('/topics', { method: 'OPTIONS' });
  expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  expect(headers['content-security-policy']).toContain("default-src 'none'");
});

test('a browser logs in with the token, and stays logged in by a cookie that is not the token', async () => {
  await using daemon = await startDaemon({ topics });
  await using gateway = await TestGateway.start(daemon);
  const { port } = gateway;
  expect((await ask(port, '/')).status).toBe(401);
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const wrong = await ask(port, '/login', { method: 'POST', headers: form, body: 'token=wrong' });
  expect([wrong.status, wrong.headers['set-cookie']]).toEqual([401, undefined]);
  const right = await ask(port, '/login', { method: 'POST', headers: form, body: `token=${TOKEN}` });
  expect([right.status, right.headers.location]).toEqual([303, '/']);
  const [cookie = ''] = right.headers['set-cookie'] ?? [];
  expect(cookie).toMatch(/; Path=\/; HttpOnly; SameSite=Strict$/);
  expect(cookie).not.toContain(TOKEN);
  const [pair = ''] = cookie.split(';');
  expect((await ask(port, '/topics', { headers: { cookie: `other=1; ${pair}` } })).status).toBe(200);
  expect((await ask(port, '/topics', { headers: { cookie: `${pair}x` } })).status).toBe(401);
  const link = await ask(port, `/?token=${TOKEN}`);
  expect([link.status, link.headers.location, link.headers['set-cookie']]).toEqual([303, '/', [cookie]]);
});

test('says what is wrong with how it is started', async () => {
  await using daemon = await startDaemon({ topics });
  const config = daemon.folder.file('web.yaml');
  const tokenFile = daemon.folder.file('token');
  const start = (web: object, ...args: string[]) => {
    writeFileSync(config, JSON.stringify({ web }));
    return chimed(['web', '--config', config, '--socket', daemon.socket, ...args]);
  };
  const loopback = ['--listen', 'tcp:127.0.0.1:0'];
  expect(await start({}, ...loopback)).toMatchObject({
    exitCode: 78,
    stderr: expect.stringContaining('web.tokenFile'),
  });
  expect(await start({ tokenFile }, ...loopback)).toMatchObject({
    exitCode: 78,
    stderr: expect.stringContaining(tokenFile),
  });
  writeFileSync(tokenFile, 'short');
  chmodSync(tokenFile, 0o600);
  expect(await start({ tokenFile }, ...loopback)).toMatchObject({
    exitCode: 78,
    stderr: expect.stringContaining('openssl'),
  });
  writeFileSync(tokenFile, TOKEN);
  chmodSync(tokenFile, 0o644);
  expect(await start({ tokenFile }, ...loopback)).toMatchObject({
    exitCode: 78,
    stderr: expect.stringContaining('chmod 600'),
  });
  for (const address of ['tcp:0.0.0.0:80', 'tcp:example.org:80', 'unix:'])
    expect(await start({}, '--listen', address)).toMatchObject({
      exitCode: 64,
      stderr: expect.stringContaining('tcp:127.0.0.1:8080'),
    });
  expect(await start({ address: '0.0.0.0:80' })).toMatchObject({
    exitCode: 78,
    stderr: expect.stringContaining('loopback'),
  });
  expect(await start({}, '--listen', `unix:${daemon.socket}`)).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('web.socket'),
  });
});

test('stops at once with streams open, and removes its socket', async () => {
  await using daemon = await startDaemon({ topics });
  await using gateway = await TestGateway.start(daemon);
  using stream = await gateway.listen('topics=tick');
  await stream.named('message');
  expect(await gateway.program.kill().ended).toBe(0);
  await expect(gateway.ask('/topics')).rejects.toThrow('ENOENT');
});

test('malformed requests, floods of headers and slow bodies cost nobody else', async () => {
  await using daemon = await startDaemon({ topics });
  await using gateway = await TestGateway.start(daemon);
  const { socketPath } = gateway;
  const raw = async (text: string | Buffer): Promise<string> => {
    const socket = connect(socketPath).setEncoding('utf8');
    let answer = '';
    socket.on('data', (chunk: string) => (answer += chunk)).on('error', () => {});
    socket.write(text);
    await once(socket, 'close');
    return answer;
  };
  const headers = Array.from({ length: 3000 }, (_, index) => `x-${index}: 1\r\n`).join('');
  const answers = await Promise.all([
    raw('nonsense\r\n\r\n'),
    raw(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x0d, 0x0a])),
    raw('GET http://other/topics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'),
    raw(`GET /topics HTTP/1.1\r\nhost: x\r\n${headers}\r\n`),
    raw(`GET /${'a'.repeat(20_000)} HTTP/1.1\r\nhost: x\r\n\r\n`),
    raw('GET /topics HTTP/1.1\r\nconnection: close\r\n\r\n'),
    raw(
      'POST /topics/note HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99999999999\r\n\r\n',
    ),
    raw(
      'POST /topics/note HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ),
  ]);
  expect(answers.map((answer) => answer.slice(9, 12))).toEqual([
    '400',
    '400',
    '400',
    '431',
    '431',
    '400',
    '413',
    '400',
  ]);

  // A body that never comes is charged to its user until it has.
  const slow = connect(socketPath).on('error', () => {});
  slow.write(
    'POST /topics/note HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{',
  );
  expect((await gateway.json('/topics')).status).toBe(200);
  slow.destroy();
});
