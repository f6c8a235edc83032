import { readFileSync } from 'node:fs';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { describe, expect, test } from 'vitest';

import { Inbox } from '../helpers/inbox.ts';
import { ExampleServer } from '../helpers/example-server.ts';
import { has } from '../helpers/programs-here.ts';

/** A client with the certificate of a machine. */
async function connectAs(server: ExampleServer, machine: string): Promise<NatsConnection> {
  const { ca, cert, key } = server.tls(machine);
  const read = (file: string): string => readFileSync(file, 'utf8');
  return await connect({
    servers: server.url,
    inboxPrefix: `_INBOX.${machine}`,
    tls: { ca: read(ca), cert: read(cert), key: read(key) },
    reconnect: false,
  });
}

/** Publishes. @returns what the server refuses it with, or undefined. */
async function violation(
  connection: NatsConnection,
  subject: string,
  reply?: string,
): Promise<string | undefined> {
  let refusal: string | undefined;
  void (async () => {
    for await (const status of connection.status())
      if (status.type === 'error') refusal ??= status.error.message;
  })(); // It ends with the connection.
  connection.publish(subject, '{}', reply === undefined ? {} : { reply });
  await connection.flush(); // The server answers in order: a refusal comes before the answer to this.
  await new Promise<void>((resolve) => void setImmediate(resolve));
  return refusal;
}

describe.skipIf(!has('nats-server') || !has('openssl'))('the nats-server of docs/fleet', () => {
  test('lets a machine publish under its own name, and under no other', async () => {
    await using server = await ExampleServer.start('web1', 'web2');
    const [web1, web2] = [await connectAs(server, 'web1'), await connectAs(server, 'web2')];
    const heard = new Inbox<string>();
    web1.subscribe('chimed.>', { callback: (_, { subject }: Msg) => void heard.push(subject) });
    web1.subscribe('chimed-fleet.>', { callback: (_, { subject }: Msg) => void heard.push(subject) });
    await web1.flush();
    for (const subject of ['chimed.web1.t', 'chimed-fleet.web1.here', 'chimed-fleet.web1.want.web2', 'other'])
      expect(await violation(web2, subject)).toBe(`Permissions Violation for Publish to "${subject}"`);
    for (const subject of ['chimed.web2.t', 'chimed-fleet.web2.last.web1.t'])
      expect(await violation(web2, subject)).toBeUndefined();
    await web1.flush();
    expect(heard.items).toEqual(['chimed.web2.t', 'chimed-fleet.web2.last.web1.t']);
    expect(web1.info?.max_payload).toBe(1024 ** 2);
    await Promise.all([web1.close(), web2.close()]);
  });

  test('refuses a client without a certificate, and a certificate of no machine in its list', async () => {
    await using server = await ExampleServer.start('web1', 'stranger');
    const ca = readFileSync(server.tls('web1').ca, 'utf8');
    await expect(connect({ servers: server.url, tls: { ca }, reconnect: false })).rejects.toThrow();
    await expect(connectAs(server, 'stranger')).rejects.toThrow(/Authorization Violation/);
  });

  test('keeps messages in a stream, which no machine can use to speak as another', async () => {
    await using server = await ExampleServer.start('web1', 'web2');
    const [web1, web2] = [await connectAs(server, 'web1'), await connectAs(server, 'web2')];
    const [first, second] = [await jetstreamManager(web1), await jetstreamManager(web2)];
    const stream = { name: 'FLEET', subjects: ['chimed.>'] };
    await expect(second.streams.add(stream)).rejects.toThrow(/Permissions Violation/);
    await first.streams.add(stream);
    const { seq } = await second.jetstream().publish('chimed.web2.t', 'hello', { msgID: 'a:1' });
    expect(seq).toBe(1);
    const heard = new Inbox<Msg>();
    web1.subscribe('chimed.web1.>', { callback: (_, message) => void heard.push(message) });
    await web1.flush();
    await second.consumers.add('FLEET', { name: 'gap', ack_policy: 'explicit' });
    // The server sends replies where a request says, whoever may publish there. A message keeps its own subject, also in a
    // subscription to others, and what the server says of itself is no message of a topic.
    await violation(web2, '$JS.API.CONSUMER.MSG.NEXT.FLEET.gap', 'chimed.web1.t');
    await violation(web2, '$JS.API.CONSUMER.INFO.FLEET.gap', 'chimed.web1.t');
    const [replayed, answer] = await heard.take(2);
    expect([replayed!.subject, replayed!.string()]).toEqual(['chimed.web2.t', 'hello']);
    expect(answer!.string()).toMatch(/^\{"type":"io\.nats\.jetstream\.api\.v1\./);
    await expect(
      second.consumers.add('FLEET', { name: 'forger', deliver_subject: 'chimed.web1.t', ack_policy: 'none' }),
    ).rejects.toThrow(/cycle/);
    for (const subject of [
      '$JS.API.DIRECT.GET.FLEET',
      '$JS.API.STREAM.MSG.GET.FLEET',
      '$JS.API.STREAM.DELETE.FLEET',
    ])
      expect(await violation(web2, subject, 'chimed.web1.t')).toContain('Permissions Violation');
    await Promise.all([web1.close(), web2.close()]);
  });
});
