import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { compiler } from '../needs.ts';
import { DELIMITER } from '../message.ts';
import { onSocket } from './system.ts';
import type { System } from './system.ts';

// The first byte of an MQTT 3.1.1 packet.
const CONNECT = 0x10;
const PUBLISH = 0x30;
const SUBSCRIBE = 0x82;

const CLEAN_SESSION = 2;
const NEVER_PING = 0;
/** A client without an id of its own. */
const GREETING = packet(CONNECT, text('MQTT') + bytes(4, CLEAN_SESSION) + short(NEVER_PING) + text(''));

/** With quality of service 0, as all others have it. */
export const mosquitto: System = {
  name: 'mosquitto',
  needs: [{ path: 'mosquitto', package: 'mosquitto' }, compiler],
  command({ folder, socket }) {
    const config = join(folder, 'mosquitto.conf');
    const lines = [`listener 0 ${socket}`, 'allow_anonymous true', 'persistence false', 'log_type error'];
    // It would become another user, who may not write to the folder; and it would skip what waits.
    writeFileSync(config, [...lines, 'user root', 'max_queued_messages 0', ''].join('\n'));
    return ['mosquitto', '-c', config];
  },
  address: onSocket,
  subscription: () => GREETING + packet(SUBSCRIBE, short(1) + text('#') + bytes(0)),
  ticks: false,
  publisher: {
    greeting: GREETING,
    message: (topic, payload) => packet(PUBLISH, text(topic) + payload + DELIMITER),
  },
};

function packet(type: number, body: string): string {
  const [low, high] = [body.length % 128, Math.floor(body.length / 128)];
  return (high === 0 ? bytes(type, low) : bytes(type, low + 128, high)) + body;
}

function text(value: string): string {
  return short(value.length) + value;
}

function short(value: number): string {
  return bytes(value >> 8, value & 0xff);
}

function bytes(...values: readonly number[]): string {
  return String.fromCharCode(...values);
}
