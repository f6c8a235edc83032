/** Draws `chimed status`, as a real daemon answers it with real clients, into docs/status.svg. Usage: picture.ts */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { text } from 'node:stream/consumers';

const root = join(import.meta.dirname, '..');
const PICTURE = join(root, 'docs/status.svg');
/** What is shipped: run `npm run build` first. */
const CLI = join(root, 'dist/cli/main.js');
/** How long the daemon ticks before the picture is taken. */
const SHOWN_AFTER_MS = 12_000;

const CHARACTER_WIDTH = 8.4;
const LINE_HEIGHT = 19;
const MARGIN = 16;

/** What the terminal's colours look like, by their codes; 22 and 39 end them. */
const colours: Readonly<Record<string, string>> = {
  1: 'font-weight="bold"',
  2: 'fill="#8b949e"',
  31: 'fill="#ff7b72"',
  36: 'fill="#79c0ff"',
};

/** A picture of a terminal with these lines; colours are those of ANSI escape sequences. */
function pictureOf(lines: readonly string[], description: string): string {
  const plain = lines.map((line) => line.replace(sequence, ''));
  const width = Math.ceil(Math.max(...plain.map(({ length }) => length)) * CHARACTER_WIDTH + 2 * MARGIN);
  const height = lines.length * LINE_HEIGHT + 2 * MARGIN;
  const drawn = lines.map((line, index) => {
    const y = MARGIN + (index + 0.75) * LINE_HEIGHT;
    return `<text x="${MARGIN}" y="${y}" xml:space="preserve">${coloured(line)}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(description)}">`,
    `<rect width="100%" height="100%" rx="8" fill="#0d1117"/>`,
    `<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14" fill="#e6edf3">`,
    ...drawn,
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

const sequence = new RegExp(`${String.fromCharCode(27)}\\[(\\d+)m`, 'g');

function coloured(line: string): string {
  let open = false;
  const pieces = line.split(sequence).map((piece, index) => {
    if (index % 2 === 0) return escaped(piece);
    const colour = colours[piece];
    const closed = open ? '</tspan>' : '';
    open = colour !== undefined;
    return open ? `${closed}<tspan ${colour}>` : closed;
  });
  return pieces.join('') + (open ? '</tspan>' : '');
}

function escaped(plain: string): string {
  return plain.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

/** What `chimed status` prints in colour. */
async function takeStatus(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'chimed-'));
  const config = join(folder, 'chimed.yaml');
  const socket = join(folder, 'chimed.sock');
  const topics = {
    'host.load': { interval: '1s', host: 'load' },
    'disk.root': { interval: '5s', command: "df --output=pcent / | tail -n 1 | tr -d ' %'", onChange: true },
    'backup.age': { interval: '1m', align: true, command: 'stat -c %Y /var/backups/latest' },
    'raid.state': { interval: '2s', command: 'echo md0 is degraded >&2; exit 1' },
    'market.open': { cron: '0 9 * * 1-5', timezone: 'Europe/Berlin', data: true },
    price: { publish: true, history: 100 },
  };
  writeFileSync(config, JSON.stringify({ log: { level: 'silent' }, topics }));
  const env = { ...process.env, CHIMED_SOCKET_PATH: socket, FORCE_COLOR: '1' };
  const start = (...args: string[]) => spawn(process.execPath, [CLI, ...args], { env });
  const processes = [
    start('serve', '--config', config),
    start('listen', 'host.>', 'disk.root'),
    start('listen', 'raid.state', 'price'),
  ];
  try {
    await wait(SHOWN_AFTER_MS);
    return (await text(start('status').stdout))
      .replaceAll(socket, '/run/chimed/chimed.sock')
      .replaceAll(config, '/etc/chimed/chimed.yaml');
  } finally {
    for (const process of processes) process.kill();
    rmSync(folder, { recursive: true });
  }
}

if (import.meta.main) {
  const lines = (await takeStatus()).trimEnd().split('\n');
  writeFileSync(PICTURE, pictureOf(['$ chimed status', ...lines], 'The terminal after "chimed status"'));
}
