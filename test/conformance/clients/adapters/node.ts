/** The adapter of the client library for Node. */
import { ChimedError, connect } from '../../../../src/index.ts';
import type { Client, Provided, Subscription } from '../../../../src/index.ts';
import { obey, tell } from './commands.ts';
import type { Command } from './commands.ts';

let client: Client;
const subscriptions = new Map<string, Subscription>();
const provided = new Map<string, Provided>();
/** Held while the program takes no messages. */
let gate = Promise.withResolvers<void>();
gate.resolve();

function create(name: string | undefined): void {
  client = connect({ ...(name !== undefined && { name }) });
  client.on('state', ({ status }) => {
    if (status === 'ready' || status === 'waiting') tell(status);
  });
  client.on('failing', ({ topic, error }) => tell('failing', { topic, error }));
  client.on('recovered', ({ topic }) => tell('recovered', { topic }));
  client.on('uncounted', (topic) => tell('uncounted', { topic }));
}

async function listen(topics: string[]): Promise<void> {
  const subscription = client.listen(topics);
  subscriptions.set(topics.join(' '), subscription);
  try {
    for await (const message of subscription) {
      await gate.promise;
      tell('message', message);
    }
  } catch (error) {
    for (const topic of topics) tell('refused', { topic, code: codeOf(error) });
  }
}

async function answer(id: number, asked: Promise<object>, on: string): Promise<void> {
  try {
    tell(on, { id, ...(await asked) });
  } catch (error) {
    tell('failed', { id, code: codeOf(error) });
  }
}

async function provide(topic: string): Promise<void> {
  const handler = { wanted: () => tell('wanted', { topic }), unwanted: () => tell('unwanted', { topic }) };
  const mine = client.provide(topic, handler);
  provided.set(topic, mine);
  const error = await mine.ended;
  if (error) tell('unprovided', { topic, code: error.code });
}

function send(topic: string, data: unknown): void {
  try {
    provided.get(topic)!.send(data);
  } catch (error) {
    tell('log', { text: String(error) });
  }
}

function codeOf(error: unknown): string {
  return error instanceof ChimedError ? error.code : String(error);
}

function take(command: Command): void {
  switch (command.do) {
    case 'connect':
      return create(command.name);
    case 'listen':
      return void listen(command.topics);
    case 'unlisten':
      return void subscriptions.get(command.topics.join(' '))?.return();
    case 'pause':
      gate = Promise.withResolvers();
      return;
    case 'continue':
      return gate.resolve();
    case 'publish':
      return void answer(command.id, client.publish(command.topic, command.data), 'published');
    case 'get':
      return void answer(
        command.id,
        client.get(command.topic).then((last) => last ?? {}),
        'got',
      );
    case 'provide':
      return void provide(command.topic);
    case 'send':
      return send(command.topic, command.data);
    case 'fail':
      return provided.get(command.topic)!.fail(command.error);
    case 'unprovide':
      return void provided.get(command.topic)!.end();
    case 'close':
      return void client?.close().then(() => {
        tell('closed');
        process.exit(0);
      });
  }
}

tell('hello', { client: 'node', features: ['listen', 'publish', 'get', 'provide'] });
obey(take);
