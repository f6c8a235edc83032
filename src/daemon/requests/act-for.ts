import { ChimedError } from '../../errors.ts';
import type { Peer } from '../../linux/peer.ts';
import type { OnBehalfOf } from '../../protocol/messages.ts';
import { inTurns } from '../../in-turns.ts';
import type { Session } from '../session.ts';
import { isPrivileged } from '../subscribers/access.ts';
import { describeOnBehalf } from '../subscribers/peer-fields.ts';
import type { RequestContext } from './request-context.ts';

/** Reports whether a peer can make requests for others. @param gateway Uid of the gateway's user, if there is one. */
function mayActForOthers(peer: Peer | undefined, gateway: number | undefined): boolean {
  return peer !== undefined && (isPrivileged(peer.uid) || peer.uid === gateway);
}

/**
 * Makes a client another user's: all its requests are that user's from now on, and so is what they cost.
 * @returns whether that user may have the connection; if not, it is closed.
 * @throws {ChimedError} `not-allowed`, `bad-request`: the connection must be closed, since what follows would be done
 * for the wrong user.
 */
export function actFor(client: Session, onBehalfOf: OnBehalfOf, context: RequestContext): boolean {
  const { peer: gateway } = client.connection;
  if (!mayActForOthers(gateway, context.gateway())) {
    const who = gateway ? `the user with uid ${gateway.uid}` : 'a peer without credentials';
    const message = `${who} cannot make requests on behalf of others; only root, the user that runs chimed and web.user can`;
    throw new ChimedError('not-allowed', message);
  }
  if (!client.isNew) {
    const message = 'onBehalfOf must be in the first request of a connection, once; open another connection';
    throw new ChimedError('bad-request', message);
  }
  const { uid, gid = 0, groups = [] } = onBehalfOf;
  const peer = uid === undefined ? undefined : { pid: gateway!.pid, uid, gid, groups };
  const user = context.users.onBehalf(uid);
  const refusal = context.admission.transfer(client.user, user);
  if (refusal) {
    const fields = { client: client.id, ...describeOnBehalf(peer, gateway), code: refusal.code };
    user.log.warn({ event: 'rejected', ...fields }, `rejected: ${refusal.message}`);
    client.dismiss(refusal);
    return false;
  }
  client.actFor({ onBehalfOf, peer, user });
  return true;
}

/** Closes the connections of gateways that a reload has taken the right from: their users would not know it otherwise. */
export async function dismissForbidden({ clients, gateway }: RequestContext): Promise<void> {
  await inTurns(clients.values(), (client) => {
    const { onBehalfOf, connection } = client;
    if (!onBehalfOf || connection.ended || mayActForOthers(connection.peer, gateway())) return;
    const message = `a reload removed the permission of the user with uid ${connection.peer?.uid} to make requests on behalf of others (web.user)`;
    client.reject({ code: 'not-allowed', message });
  });
}
