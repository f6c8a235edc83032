import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A key and a certificate, in PEM format. */
export interface Identity {
  key: Buffer;
  cert: Buffer;
}

/** Makes certificates by openssl in a directory, where `ca.pem` is the certificate of their authority. */
export function makeCertificates(directory: string): Record<'valid' | 'expired' | 'selfSigned', Identity> {
  const script = `
    new_key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
    openssl req -x509 $new_key -subj /CN=authority -keyout ca.key -out ca.pem
    openssl req -x509 $new_key -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout selfSigned.key -out selfSigned.pem
    openssl req $new_key -subj /CN=localhost -keyout valid.key -out csr
    echo subjectAltName=DNS:localhost > names
    sign='openssl x509 -req -in csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile names'
    $sign -days 1 -out valid.pem
    $sign -days -1 -out expired.pem
    cp valid.key expired.key`;
  execFileSync('sh', ['-euc', script], { cwd: directory, stdio: 'ignore' });
  const identity = (name: string): Identity => ({
    key: readFileSync(join(directory, `${name}.key`)),
    cert: readFileSync(join(directory, `${name}.pem`)),
  });
  return { valid: identity('valid'), expired: identity('expired'), selfSigned: identity('selfSigned') };
}
