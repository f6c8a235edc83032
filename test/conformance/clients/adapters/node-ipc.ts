/** The adapter of a bare node-ipc client, as the tutorial has one: it knows topics and payloads, and nothing else. */
import { IPCModule } from 'node-ipc';

import { obey, tell } from './commands.ts';
import type { Command } from './commands.ts';

const ipc = new IPCModule();
ipc.config.silent = true;
const topics = new Set<string>();
let isConnected = false;

function create(): void {
  ipc.connectTo('chimed', process.env['CHIMED_SOCKET_PATH']!);
  const daemon = ipc.of['chimed']!;
  daemon.on('connect', () => {
    isConnected = true;
    tell('ready');
    for (const topic of topics) daemon.emit(topic, 'hello');
  });
  daemon.on('disconnect', () => {
    isConnected = false;
    tell('waiting');
  });
}

function listen(topic: string): void {
  topics.add(topic);
  const daemon = ipc.of['chimed']!;
  daemon.on(topic, (data: unknown) => tell('message', { topic, data })); // An event has the payload, and no number.
  if (isConnected) daemon.emit(topic, 'hello');
}

function take(command: Command): void {
  if (command.do === 'connect') create();
  if (command.do === 'listen') for (const topic of command.topics) listen(topic);
  if (command.do !== 'close') return;
  tell('closed');
  process.exit(0);
}

tell('hello', { client: 'node-ipc', features: ['listen'] });
obey(take);
