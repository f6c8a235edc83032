/** Ticks for a system that does not do so by itself. Usage: publisher.ts SYSTEM PLACE DRIVE */
import { connect } from 'node:net';

import { everyDeadline } from '../drive.ts';
import type { Drive } from '../drive.ts';
import { payload } from '../message.ts';
import { systemNamed } from '../systems/all.ts';
import type { Place } from '../systems/system.ts';

const [name, placeText, driveText] = process.argv.slice(2);
const { address, publisher } = systemNamed(name!);
const drive = JSON.parse(driveText!) as Drive & { kind: 'ticks' };

const socket = connect(address(JSON.parse(placeText!) as Place)).resume();
socket.write(publisher!.greeting, 'latin1');
everyDeadline(drive.intervalMs, () => {
  // What is due together leaves together.
  const messages = drive.topics.map((topic) => publisher!.message(topic, payload()));
  socket.write(messages.join(''), 'latin1');
});
