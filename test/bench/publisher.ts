import { writeFileSync } from 'node:fs';
import type { NetConnectOpts } from 'node:net';
import { join } from 'node:path';

import { compile } from './compile.ts';
import type { Drive } from './drive.ts';
import { payloadTemplate } from './message.ts';
import type { Place } from './place.ts';
import type { Publisher } from './systems/system.ts';

/**
 * The command that publishes all topics at each tick. It is a program in C: the cheapest publisher that users of a
 * broker could write, so that the broker does not pay for a second Node.
 */
export function publisherCommand(
  { greeting, message }: Publisher,
  address: NetConnectOpts,
  place: Place,
  drive: Drive & { kind: 'ticks' },
): readonly string[] {
  const file = (name: string, text: string): string => {
    const path = join(place.folder, name);
    writeFileSync(path, text, 'latin1');
    return path;
  };
  const target = 'path' in address ? address.path : String(address.port);
  // What is due together leaves together.
  const messages = drive.topics.map((topic) => message(topic, payloadTemplate())).join('');
  return [
    compile('publisher'),
    target,
    String(drive.intervalMs),
    file('greeting', greeting),
    file('messages', messages),
  ];
}
