import { request } from 'node:http';
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';

import type { TopicStatus } from '../../src/protocol/status-snapshot.ts';
import { Inbox } from './inbox.ts';

/** Where an HTTP server is. */
export type Address = { socketPath: string } | { host: string; port: number };

export interface Ask {
  method?: string;
  headers?: OutgoingHttpHeaders;
  body?: string | Buffer;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** Sends a request and reads its answer. */
export async function ask(
  address: Address,
  path: string,
  { method, headers, body }: Ask = {},
): Promise<Answer> {
  const sent = send(address, path, { ...(method && { method }), ...(headers && { headers }) });
  sent.end(body);
  const response = await answerOf(sent);
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
  return { status: response.statusCode!, headers: response.headers, text };
}

/** The same for an answer in JSON. */
export async function askJson(address: Address, path: string, options: Ask = {}): Promise<JsonAnswer> {
  const { status, text } = await ask(address, path, options);
  return { status, ...(JSON.parse(text) as object) };
}

/** An answer in JSON, with its status. */
export interface JsonAnswer {
  status: unknown;
  topics?: TopicStatus[];
  [field: string]: unknown;
}

/** One server-sent event. */
export interface SentEvent {
  event: string;
  id?: string;
  data: Record<string, unknown>;
}

/** A stream of server-sent events, as a browser reads it. */
export class EventSource implements Disposable {
  readonly events = new Inbox<SentEvent>();
  readonly response: IncomingMessage;
  #text = '';

  private constructor(response: IncomingMessage) {
    this.response = response;
    response.setEncoding('utf8').on('data', (chunk: string) => this.#read(chunk));
    response.on('error', () => {});
    response.on('close', () => this.events.end('the stream has ended'));
  }

  static async open(address: Address, path: string, headers: OutgoingHttpHeaders = {}): Promise<EventSource> {
    const sent = send(address, path, { headers });
    sent.end();
    return new EventSource(await answerOf(sent));
  }

  /** Waits for the first `count` events of a kind, from index `from` of all. */
  named(event: string, count = 1, from = 0): Promise<SentEvent[]> {
    return this.events.take(count, (found) => found.event === event, from);
  }

  [Symbol.dispose](): void {
    this.response.destroy();
  }

  #read(chunk: string): void {
    const blocks = (this.#text + chunk).split('\n\n');
    this.#text = blocks.pop()!;
    for (const block of blocks) {
      const fields = Object.fromEntries(
        block
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      ) as Record<string, string>;
      if (fields['data'] === undefined) continue; // A comment, or the time to wait.
      const { id, event = 'message', data } = fields;
      this.events.push({
        event,
        ...(id !== undefined && { id }),
        data: JSON.parse(data) as SentEvent['data'],
      });
    }
  }
}

function send(address: Address, path: string, options: Omit<Ask, 'body'>): ClientRequest {
  return request({ ...address, path, agent: false, ...options });
}

function answerOf(sent: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => sent.once('response', resolve).once('error', reject));
}
