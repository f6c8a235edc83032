import { ChimedError, messageOf, systemCode } from '../errors.ts';

/** What the server's errors are called; nats.js gives them no codes. */
const names = {
  authorization: ['AuthorizationError', 'UserAuthenticationExpiredError'],
  timeout: ['TimeoutError'],
};

/** Why there is no connection to a server, and what to do. @param servers Those that were tried. */
export function connectionError(error: unknown, servers: readonly string[]): ChimedError {
  const where = servers.join(', ');
  const because = (why: string): ChimedError =>
    new ChimedError('no-server', `cannot connect to NATS at ${where}: ${why}`, { cause: error });
  const { name = '', cause } = (error ?? {}) as { name?: string; cause?: unknown };
  const code = systemCode(error) ?? systemCode(cause) ?? '';
  if (names.authorization.includes(name))
    return because(
      'the server refused the credentials; check nats.credentials, or the systemd credential nats-creds, and the users of the server',
    );
  if (names.timeout.includes(name)) return because('the server does not answer; check nats.servers');
  if (code === 'ECONNREFUSED')
    return because('nothing listens there; start nats-server, or check nats.servers');
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return because('the host name is unknown; check nats.servers and the name service');
  if (/CERT|TLS|SSL|SIGNATURE|VERIFY/i.test(code) || /certificate|tls/i.test(messageOf(error)))
    return because(`TLS failed (${messageOf(error)}); check nats.tls and the certificate of the server`);
  return because(messageOf(error));
}

/** What the server does not let this machine do, and which right it lacks. */
export function permissionError(operation: string, subject: string): string {
  const right = operation === 'publish' ? 'publish to' : 'subscribe to';
  return `the NATS server does not let this machine ${right} ${subject}; give its user the permission`;
}
