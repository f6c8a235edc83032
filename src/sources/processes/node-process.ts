import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Duplex, Readable } from 'node:stream';

import { Paced } from './paced.ts';
import type { Reader } from './paced.ts';
import type { Exit, Program, StartedProcess } from './started-process.ts';

/**
 * Starts a process by Node, where there is no way to call libc.
 * @throws if it cannot be started.
 */
export async function startByNode(program: Program): Promise<StartedProcess> {
  const { file, argv, env, stdout, stderr, channel } = program;
  const child = spawn(file, argv.slice(1), {
    argv0: argv[0],
    cwd: '/',
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', ...(channel ? (['pipe'] as const) : [])],
  });
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  const closed = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
  });
  await once(child, 'spawn');
  const streams = child.stdio.slice(1) as Duplex[];
  const readers = [stdout, stderr, ...(channel ? [channel] : [])];
  const outputs = readers.map((reader, index) => follow(streams[index]!, reader));
  return {
    pid: child.pid!,
    exited,
    closed,
    send: (text) => void streams[2]?.write(text),
    closeOutput: () => streams.forEach((stream) => stream.destroy()),
    get isResting() {
      return outputs.some((paced) => paced.isResting);
    },
  };
}

function follow(stream: Readable, reader: Reader): Paced {
  const paced = new Paced(reader, () => stream.resume());
  stream.on('data', (bytes: Buffer) => {
    if (!paced.read(bytes)) stream.pause();
  });
  stream.on('error', () => {}); // `close` follows.
  stream.on('close', paced.stop);
  return paced;
}
