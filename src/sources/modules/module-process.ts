/*
 * The process of one module: loads it, calls its default export when it is told to, and sends what it returns. Its
 * parent (module-run.ts) is at the other end of descriptor 3: a line for each request and each answer, a word that says
 * which, and what belongs to it.
 */
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import module from 'node:module';
import { Socket } from 'node:net';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { useIfSupported } from '../../linux/if-supported.ts';
import { toJson } from '../../protocol/json.ts';

/** What it is given to do, as JSON in its only argument. */
export interface ModuleTask {
  path: string;
  topic: string;
  maxBytes: number;
}

type Take = (context: { topic: string; signal: AbortSignal; log: Record<string, unknown> }) => unknown;

/** How long a call may still take once the process is told to end, in milliseconds. */
const GRACE_MS = 2000;

const { path, topic, maxBytes } = JSON.parse(process.argv[2]!) as ModuleTask;
const parent = new Socket({ fd: 3 });
const loaded = new Set<string>();
let take: Take;
let call: { controller: AbortController; ended: Promise<void> } | undefined;

process.on('uncaughtException', (error) => fail(error));
process.on('unhandledRejection', (error) => fail(error));
process.on('SIGTERM', () => void close());
parent.on('close', () => void close());
parent.on('error', () => {}); // `close` follows.
void start();

async function start(): Promise<void> {
  // Code that blocks does not see that the daemon has been killed, and would go on for ever.
  await useIfSupported(
    () => import('../../linux/process-calls.ts'),
    ({ endWithParent }) => endWithParent(),
  );
  listen();
  tell('ready', '');
}

function tell(word: string, text: string): void {
  parent.write(`${word} ${text}\n`);
}

/** Ends the process with what was thrown outside a call. */
function fail(error: unknown): void {
  parent.write(`fatal ${JSON.stringify(describe(error))}\n`, () => process.exit(1));
}

/** Ends the process once the call that is under way has settled. */
async function close(): Promise<void> {
  setTimeout(() => process.exit(1), GRACE_MS);
  call?.controller.abort();
  await call?.ended;
  process.exit(0);
}

function listen(): void {
  let text = '';
  parent.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (text + chunk).split('\n');
    text = lines.pop()!;
    for (const line of lines) {
      const [word, id = ''] = line.split(' ');
      if (word === 'load') void load();
      else if (word === 'call') call = begin(id);
      else if (word === 'abort') call?.controller.abort();
    }
  });
}

async function load(): Promise<void> {
  try {
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) throw new Error('there is no such file');
    // Before Node 22.15 there are no such hooks: then only the module's own file is watched for changes.
    module.registerHooks?.({
      load(url, context, next) {
        if (url.startsWith('file:')) loaded.add(fileURLToPath(url));
        return next(url, context);
      },
    });
    const { default: value } = (await import(pathToFileURL(path).href)) as { default?: unknown };
    if (typeof value !== 'function') throw new Error('its default export must be a function');
    take = value as Take;
    tell('loaded', stamp());
  } catch (error) {
    tell('unloadable', JSON.stringify(describe(error)));
  }
}

/** Another one when a file that the module consists of has changed. */
function stamp(): string {
  const hash = createHash('sha1');
  for (const file of loaded.add(path)) {
    const { ino, size, mtimeNs } = statSync(file, { bigint: true });
    hash.update(`${file} ${ino} ${size} ${mtimeNs}\n`);
  }
  return hash.digest('hex');
}

function begin(id: string): typeof call {
  const controller = new AbortController();
  const { signal } = controller;
  const ended = (async () => {
    try {
      tell('payload', `${id} ${encode(await take({ topic, signal, log }))}`);
    } catch (error) {
      tell('failed', `${id} ${JSON.stringify(describe(error))}`);
    }
    call = undefined;
  })();
  return { controller, ended };
}

function encode(payload: unknown): string {
  if (payload === undefined) throw new Error('the module returned no value that JSON can represent');
  const json = toJson(payload);
  if (Buffer.byteLength(json) <= maxBytes) return json;
  throw new Error(`the payload has more than ${maxBytes} bytes (maxBytes)`);
}

function describe(error: unknown): string {
  try {
    return (error instanceof Error ? error.message : String(error)).slice(0, 1000);
  } catch {
    return 'something that cannot be shown was thrown';
  }
}

/** An error or a large number as JSON can carry it. */
function plain(_: string, value: unknown): unknown {
  if (value instanceof Error) return { message: value.message, stack: value.stack };
  return typeof value === 'bigint' ? String(value) : value;
}

/** The daemon's logger, as far as lines can travel: fields and a message, or a message alone. */
const log = Object.fromEntries(
  ['debug', 'info', 'warn', 'error'].map((level) => [
    level,
    (fields: unknown, message?: unknown) => {
      const both = typeof fields === 'object' && fields !== null ? [fields, message] : [{}, fields];
      const line = { level, fields: both[0], message: String(both[1] ?? '') };
      try {
        tell('log', JSON.stringify(line, plain));
      } catch {
        tell('log', JSON.stringify({ ...line, fields: {} })); // Fields that lead to themselves.
      }
    },
  ]),
);
