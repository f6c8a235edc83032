import { dirname } from 'node:path';
import { userInfo } from 'node:os';

import { ChimedError, systemCode } from '../errors.ts';
import { SYSTEM_PATHS, isForeignDirectory } from '../protocol/paths.ts';
import { dial, refused } from '../transport/dial.ts';
import type { DialListener, DialedConnection } from '../transport/dial.ts';

/** A line to the first daemon that can be reached. */
export interface Search extends DialedConnection {
  /** The place that is being tried, or that has answered. */
  readonly path: string;
}

interface Failure {
  path: string;
  error: ChimedError;
}

/** What the system's errors mean, in a few words. */
const reasons: Record<string, string> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file',
  ECONNREFUSED: 'no program listens',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOTSOCK: 'not a socket',
  EINVAL: 'path too long',
};

/**
 * Connects to the first place at which a daemon listens: connecting is the only way to know. If there is none, the
 * handler is told what was tried, and what each place said.
 * @param paths At least one.
 */
export function dialFirst(paths: readonly string[], handler: DialListener): Search {
  const failures: Failure[] = [];
  let path = paths[0]!;
  let line = attempt();

  function attempt(): DialedConnection {
    let connected = false;
    return dialUnlessForeign(path, {
      connected() {
        connected = true;
        handler.connected();
      },
      frame: (frame, bytes) => handler.frame(frame, bytes),
      drained: () => handler.drained(),
      ended(error) {
        failures.push({ path, error });
        const next = paths[failures.length];
        // A daemon that answers, or has no room just now, is the one that we look for.
        if (connected || error.code === 'busy') return handler.ended(error);
        if (next === undefined) return handler.ended(summary(failures));
        path = next;
        line = attempt();
      },
    });
  }
  return {
    get path() {
      return path;
    },
    get pendingBytes() {
      return line.pendingBytes;
    },
    send: (frame) => line.send(frame),
    hangUp: () => line.hangUp(),
  };
}

function dialUnlessForeign(path: string, handler: DialListener): DialedConnection {
  if (!isForeignDirectory(dirname(path))) return dial(path, handler);
  const message = `${dirname(path)} is not safe: it belongs to another user, or other users can write to it`;
  return refused(new ChimedError('not-permitted', message), handler);
}

/** The one error that says it all. */
function summary(failures: readonly Failure[]): ChimedError {
  const [{ error: first }] = failures as [Failure];
  const denied = failures.find(({ path, error }) => SYSTEM_PATHS.includes(path) && isDenied(error));
  if (denied) {
    const remedy = `ask an administrator to run \`usermod -aG chimed ${userName()}\`, then log in again`;
    return new ChimedError('not-permitted', `permission denied: ${denied.path}; ${remedy}`, {
      cause: denied.error,
    });
  }
  if (failures.length === 1) return first;
  const tried = failures.map(({ path, error }) => `${path} (${reasonOf(error)})`).join(', ');
  return new ChimedError('no-daemon', `no daemon found, tried ${tried}; is chimed running?`, {
    cause: first,
  });
}

function isDenied(error: ChimedError): boolean {
  return ['EACCES', 'EPERM'].includes(systemCode(error.cause) ?? '');
}

function reasonOf(error: ChimedError): string {
  const { cause, code, message } = error;
  return (
    reasons[systemCode(cause) ?? ''] ??
    (code === 'not-permitted' ? 'directory of another user, or open to others' : message)
  );
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'USER'; // It has a number only.
  }
}
