import { ChimedError, messageOf } from '../../errors.ts';
import { asksForAnother, idOf, parseRequest } from '../../protocol/parse-request.ts';
import { isTopic } from '../../protocol/names.ts';
import type { Frame, Reloaded, Request, RequestId } from '../../protocol/messages.ts';
import { clipped } from '../../text.ts';
import type { Session, Task } from '../session.ts';
import { actFor } from './act-for.ts';
import { checkIsPrivileged } from './permissions.ts';
import { fail, provide, refuseMessage, takeMessage, unprovide } from './provide.ts';
import { knock, register, unregister } from './registration.ts';
import { rejection } from './rejection.ts';
import type { RequestContext } from './request-context.ts';
import { statusFrame } from './snapshot.ts';
import type { StatusPage } from './snapshot.ts';
import { clear, get, publish, sample, withId } from './topic-requests.ts';

/**
 * Does what a client asks for. A mistake of the client's is answered with `chimed.rejected`.
 * @returns what is left to do, if it is much.
 */
export function handleRequest(client: Session, frame: Frame, context: RequestContext): Task | undefined {
  try {
    return dispatch(client, parseRequest(frame, client.isProvider), context);
  } catch (error) {
    if (asksForAnother(frame)) {
      client.reject(rejection(error)); // What follows would be done for the wrong user.
      return undefined;
    }
    if (client.isProvider && isTopic(frame.type)) {
      refuseMessage(client, frame.type, rejection(error), context);
      return undefined;
    }
    const id = idOf(frame);
    client.refuse({ ...rejection(error), request: clipped(frame.type), ...(id !== undefined && { id }) });
    return undefined;
  }
}

function dispatch(client: Session, request: Request, context: RequestContext): Task | undefined {
  switch (request.kind) {
    case 'register':
      if (request.onBehalfOf && !actFor(client, request.onBehalfOf, context)) return undefined;
      return client.hasLeft ? undefined : register(client, request, context);
    case 'unregister':
      return unregister(client, request.topics, context);
    case 'publish':
      return void publish(client, request, context);
    case 'clear':
      return void clear(client, request, context);
    case 'get':
      return void get(client, request, context);
    case 'sample':
      return void sample(client, request, context);
    case 'reload':
      return void reload(client, request, context);
    case 'status':
      return answerStatus(client, request, context);
    case 'provide':
      return provide(client, request, context);
    case 'unprovide':
      return unprovide(client, request, context);
    case 'fail':
      return void fail(client, request, context);
    case 'knock':
      return client.isProvider ? void takeMessage(client, request, context) : knock(client, request, context);
    default:
      return request satisfies never;
  }
}

function reload(client: Session, { id }: { id?: RequestId }, context: RequestContext): void {
  checkIsPrivileged(client, 'reload the configuration');
  void context.reload().then(
    (data) => client.answer({ type: 'chimed.reloaded', data: { ...withId(id), ...data } satisfies Reloaded }),
    (error: unknown) => {
      const code = error instanceof ChimedError ? error.code : 'bad-config';
      client.refuse({ code, message: messageOf(error), request: 'chimed.reload', ...withId(id) });
    },
  );
}

function answerStatus(client: Session, page: StatusPage, context: RequestContext): Task {
  const most = context.maxPatterns();
  if (page.topics && page.topics.length > most)
    throw new ChimedError('too-many-patterns', `Too many patterns: limit ${most} (clients.maxPatterns).`);
  return takeAnswer(client, page, context);
}

function* takeAnswer(client: Session, page: StatusPage, context: RequestContext): Generator<void> {
  client.answer(yield* statusFrame(client, page, context));
}
