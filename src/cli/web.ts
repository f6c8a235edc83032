import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

import type { Config } from '../config/config.ts';
import { ChimedError } from '../errors.ts';
import type { Gateway, ListenPlace } from '../gateway/gateway.ts';
import type { Token } from '../gateway/token.ts';
import type { InheritedListener } from '../linux/activation.ts';
import type { EventLog } from '../log-events.ts';
import { WEB_TOKEN } from '../service/layout.ts';
import { runToEnd } from './ending.ts';
import type { Ending } from './exit-codes.ts';
import { daemonSocket, runInForeground } from './foreground.ts';
import type { ForegroundProgram } from './foreground.ts';
import type { ForegroundFlags } from './program-start.ts';
import { print } from './standard-output.ts';

/** An address that the command line names. */
export type ListenAddress = { kind: 'unix'; path: string } | { kind: 'loopback'; host: string; port: number };

/** What the command line says. */
export interface WebOptions extends ForegroundFlags {
  listen?: readonly ListenAddress[];
}

/** Where the page was built. */
const PAGE = join(import.meta.dirname, '../gateway/page');
const TOKEN_BYTES = 24;

/** Runs the gateway until a signal ends it. @returns how to exit. */
export function webToEnd(options: WebOptions): Promise<Ending> {
  let inherited: readonly InheritedListener[] = [];
  const refuse = async (error: unknown, signal: AbortSignal): Promise<void> => {
    const { refuseRequests } = await import('../gateway/refuse-requests.ts');
    await refuseRequests(inherited, error, signal);
  };
  const program: ForegroundProgram = {
    title: 'chimed web',
    flags: options,
    prepare: async () => void (inherited = await inheritedListeners()),
    start: ({ config, logger }) => start(config, options, inherited, logger),
    refusal: () => (inherited.length > 0 ? refuse : undefined),
  };
  return runToEnd(async (finish) => finish(await runInForeground(program)));
}

async function start(
  config: Config,
  options: WebOptions,
  inherited: readonly InheritedListener[],
  logger: EventLog,
): Promise<Gateway> {
  const [{ Gateway }, { connector }, { loadToken, Token }, { peerOf }] = await Promise.all([
    import('../gateway/gateway.ts'),
    import('../gateway/viewers.ts'),
    import('../gateway/token.ts'),
    import('../linux/peer.ts'),
  ]);
  const places = await placesOf(config, options, inherited, logger);
  let token = loadToken(config.web.tokenFile);
  let made: string | undefined;
  if (places.some(isLoopback) && !token) {
    if (!process.stdout.isTTY) {
      const message = `the loopback port needs a token: set web.tokenFile; for the service, write the token to ${WEB_TOKEN}`;
      throw new ChimedError('bad-config', message);
    }
    made = randomBytes(TOKEN_BYTES).toString('base64url');
    token = new Token(made);
  }
  const gateway = await Gateway.start({
    places,
    backlog: config.socket.backlog,
    connect: connector(daemonSocket(config, options)),
    token: token satisfies Token | undefined,
    hosts: config.web.hosts,
    maxConnections: config.web.maxConnections,
    frameBytes: config.clients.frameBytes,
    peerOf,
    page: PAGE,
    logger,
  });
  const sockets = places.flatMap((place) => {
    if (place.kind === 'unix') return [place.file.path];
    return place.kind === 'inherited' && place.path !== undefined ? [place.path] : [];
  });
  logger.info({ event: 'gateway-listening', sockets, addresses: gateway.addresses }, 'listening');
  if (made !== undefined)
    for (const address of gateway.addresses) await print(`Open http://${address}/?token=${made}\n`);
  return gateway;
}

/** The sockets that systemd passes, if it does. */
async function inheritedListeners(): Promise<InheritedListener[]> {
  if (!process.env['LISTEN_FDS']) return [];
  const { takeInheritedListeners } = await import('../linux/activation.ts');
  return takeInheritedListeners();
}

/**
 * The sockets that systemd passes; also the addresses of the command line, or else those of the configuration, unless systemd
 * has passed one of their kind.
 */
async function placesOf(
  { web, socket: { backlog } }: Config,
  { listen }: WebOptions,
  inherited: readonly InheritedListener[],
  logger: EventLog,
): Promise<ListenPlace[]> {
  const places: ListenPlace[] = inherited.map((listener) => ({ kind: 'inherited', ...listener }));
  const addresses: readonly ListenAddress[] = listen ?? [
    ...(places.length === 0 ? [{ kind: 'unix' as const, path: web.socket }] : []),
    ...(web.address && !places.some(isLoopback) ? [{ kind: 'loopback' as const, ...web.address }] : []),
  ];
  const { claimSocket } = await import('../transport/claim-socket.ts');
  for (const address of addresses) {
    if (address.kind === 'loopback') places.push(address);
    else {
      const { path } = address;
      places.push({
        kind: 'unix',
        file: await claimSocket({ path, mode: web.mode, backlog, setting: 'web.socket', logger }),
      });
    }
  }
  return places;
}

function isLoopback(place: ListenPlace): boolean {
  return place.kind === 'loopback' || (place.kind === 'inherited' && !place.isUnix);
}
