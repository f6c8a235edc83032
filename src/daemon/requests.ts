import { ChimedError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { idOf, parseRequest } from '../protocol/messages.ts';
import type { Frame, Published, Registered, Rejection, Request } from '../protocol/messages.ts';
import { checkAccess } from './access.ts';
import type { Client } from './client.ts';
import type { Registry } from './registry.ts';
import type { Topic } from './topic.ts';

/** What requests work on. */
export interface Context {
  registry: Registry;
  instance: string;
  logger: Logger;
  /** The encoded answer to `chimed.status`. */
  statusFrame: () => Buffer;
}

/** Does what a client asks for. A mistake of the client's is answered with `chimed.rejected`. */
export function handleRequest(client: Client, frame: Frame, context: Context): void {
  try {
    const request = parseRequest(frame);
    dispatch(client, request, context);
  } catch (error) {
    const id = idOf(frame);
    client.refuse({ ...rejection(error), request: frame.type, ...(id !== undefined && { id }) });
  }
}

/** `chimed.registered`: all that the client hears from now on. */
export function registeredFrame(client: Client, { registry, instance }: Context): Frame {
  const data: Registered = { client: client.id, instance, topics: registry.registrations(client) };
  return { type: 'chimed.registered', data };
}

function dispatch(client: Client, request: Request, context: Context): void {
  switch (request.kind) {
    case 'register':
      return register(client, request, context);
    case 'unregister':
      for (const pattern of request.topics) context.registry.unregister(client, pattern);
      return client.answer(registeredFrame(client, context));
    case 'publish': {
      const { topic, data, id } = request;
      const target = context.registry.topic(topic);
      checkAccess(client, target, 'publish');
      const seq = target.publish(data);
      if (id === undefined) return;
      const published: Published = { id, topic, seq };
      return client.answer({ type: 'chimed.published', data: published });
    }
    case 'status':
      return client.answer(context.statusFrame());
    case 'knock':
      return knock(client, request, context);
    default:
      return request satisfies never;
  }
}

function register(client: Client, request: Request & { kind: 'register' }, context: Context): void {
  const { registry, instance } = context;
  if (request.name !== undefined) client.name = request.name;
  const wanted = [...new Set(request.topics)];
  const added: Topic[] = [];
  for (const [index, pattern] of wanted.entries()) {
    try {
      registry.checkCount(index + 1);
      added.push(...registry.register(client, pattern));
    } catch (error) {
      // The others stand: one topic that a reload took away must not cost a client the rest.
      client.refuse({ ...rejection(error), request: 'chimed.register', topic: pattern });
      if (!client.full) continue;
      // As many refusals wait for it as may, and a frame has room for 260,000 patterns.
      const message = `so many patterns are refused that the other ${wanted.length - index - 1} are, too`;
      client.refuse({ code: 'too-many-patterns', message, request: 'chimed.register' });
      break;
    }
  }
  client.logRegistration(request.topics);
  // First the answer, so that the client knows the instance; then the messages.
  client.answer(registeredFrame(client, context));
  const after = request.resume?.instance === instance ? request.resume.after : {};
  let lost = 0;
  for (const topic of added)
    lost += topic.subscribe(client, Object.hasOwn(after, topic.name) ? after[topic.name] : undefined);
  if (lost > 0) client.lost(lost);
}

/** A plain node-ipc client's way to register: it sends something to the topic that it listens to. */
function knock(
  client: Client,
  { topic, data }: Request & { kind: 'knock' },
  { registry, logger }: Context,
): void {
  const fields = { ...client.fields, topic, data: excerpt(data) };
  const known = client.patterns.has(topic);
  const added = registry.register(client, topic);
  if (known) logger.debug(fields, 'client knocked again');
  else logger.info(fields, 'client registered by a knock');
  for (const entry of added) entry.subscribe(client);
}

/** The beginning of what a client said: enough to know it by, too little to fill the log. */
function excerpt(data: unknown): string | undefined {
  return JSON.stringify(data)?.slice(0, 100);
}

function rejection(error: unknown): Rejection {
  if (error instanceof ChimedError) return { code: error.code, message: error.message };
  throw error; // Ours: the transport logs it and closes the connection.
}
