import { messageOf, systemCode } from '../../errors.ts';
import { clipped } from '../../text.ts';
import { isKeptFromNetwork, keptFromNetwork } from './network-access.ts';

const untrusted =
  'its certificate was issued by an authority that is not trusted here; set ca to a PEM file with the certificate of that authority';

const useHttps = 'change http: to https: in the URL';

/**
 * What went wrong with a request, without its URL and its headers: they can have secrets, and subscribers see errors.
 * @param isUnanswered Whether the request was sent to a port without TLS, and no answer came.
 */
export async function httpFailure(thrown: unknown, isUnanswered: boolean): Promise<string> {
  // One error for each address of a name.
  if (thrown instanceof AggregateError && thrown.errors.length > 0)
    return [...new Set(await Promise.all(thrown.errors.map((one) => httpFailure(one, isUnanswered))))].join(
      '; ',
    );
  const { address, port } = thrown as { address?: string; port?: number };
  const where =
    address === undefined ? 'the server' : port === undefined ? address : `${address} port ${port}`;
  switch (systemCode(thrown)) {
    case 'ECONNREFUSED':
      return `connection refused: nothing listens on ${where}`;
    case 'ENOENT':
      return `there is no socket ${where}`;
    case 'EACCES':
      return `permission denied: the user of this process may not connect to ${where}; add its group to SupplementaryGroups= of the service`;
    case 'EPERM':
      return keptFromNetwork;
    case 'EAFNOSUPPORT':
      return (await isKeptFromNetwork())
        ? keptFromNetwork
        : `this machine has no IPv6, so ${where} cannot be reached`;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EADDRNOTAVAIL':
      return `no route to ${where}`;
    case 'ETIMEDOUT':
      return `${where} did not accept the connection in time`;
    case 'ECONNRESET':
    case 'EPIPE':
      return isUnanswered
        ? `the server closed the connection without an answer; if it speaks TLS, ${useHttps}`
        : 'the server closed the connection before the end of its answer';
    case 'HPE_HEADER_OVERFLOW':
      return 'the headers of the answer are too large; the limit is 16 KiB';
    case 'CERT_HAS_EXPIRED':
      return 'its certificate has expired';
    case 'CERT_NOT_YET_VALID':
      return 'its certificate is not valid yet; check the clock of this machine';
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return 'its certificate is self-signed; set ca to a PEM file with this certificate to trust it';
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return untrusted;
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return clipped(nameFault(thrown as NameError), 300);
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
    case 'EPROTO':
      return 'the server does not speak TLS; if it speaks plain HTTP, change https: to http: in the URL';
    case 'HPE_INVALID_CONSTANT':
    case 'HPE_INVALID_VERSION':
      return isTls(thrown) ? `the server speaks TLS; ${useHttps}` : 'the answer is not HTTP';
    default:
      if (systemCode(thrown)?.startsWith('HPE_'))
        return `the answer is not valid HTTP: ${messageOf(thrown).replace(/^Parse Error: /, '')}`;
      return messageOf(thrown);
  }
}

/** As Node throws it. `subjectaltname` is as OpenSSL prints it: `DNS:localhost, IP Address:127.0.0.1`. */
interface NameError {
  host?: string;
  cert?: { subjectaltname?: string; subject?: { CN?: string | string[] } };
}

function nameFault({ host, cert }: NameError): string {
  const names = cert?.subjectaltname ?? cert?.subject?.CN ?? 'no name';
  return `its certificate is for another name: expected ${host}, but it is for ${String(names)}`;
}

/** Reports whether what was no HTTP is an alert of TLS. */
function isTls(thrown: unknown): boolean {
  const { rawPacket } = thrown as { rawPacket?: Buffer };
  return rawPacket?.[0] === TLS_ALERT && rawPacket[1] === TLS_MAJOR_VERSION;
}

const TLS_ALERT = 21;
const TLS_MAJOR_VERSION = 3;
