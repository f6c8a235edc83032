import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';

import { jsonSchema } from '../../src/config/json-schema.ts';
import { parseYaml } from '../../src/yaml.ts';
import { root } from '../helpers/program.ts';

const validate = new Ajv({ allowUnionTypes: true }).compile(jsonSchema());

/** Paths of the mistakes that an editor would mark. */
function marked(yaml: string): string[] {
  validate(parseYaml(yaml, { merge: true }));
  return (validate.errors ?? []).map(({ instancePath }) => instancePath);
}

test.each(['config/chimed.yaml', 'config/service.yaml'])('%s has no mistakes', (file) => {
  expect(marked(readFileSync(join(root, file), 'utf8'))).toEqual([]);
});

test('neither has a file of everything', () => {
  const text = `
    x-slow: &slow { interval: 1m30s, splay: 10s, timeout: 1s }
    socket: { path: /run/x, mode: '0660', group: ops }
    clients: { max: 5, frameBytes: 1.5MiB }
    log: { level: debug, format: json }
    web: { address: '[::1]:8080', tokenFile: token, hosts: example, user: root, maxConnections: 3 }
    nats:
      servers: [tls://a.example:4222, b.example]
      tls: { ca: ca.pem, cert: c.pem, key: k.pem }
      export: host.>
      import: [{ from: 'web*', topics: [host.>] }, { from: [a, b], topics: x }]
    topics:
      Host.a-b_c: { <<: *slow, command: [df, -h], env: { A: b, C: 1 }, directory: x, format: text }
      p: { publish: true, maxAge: 1w, history: 5, metrics: true, access: { subscribe: [alice, '@ops', 7], publish: [] } }
      d: { cron: '0 0 * * *', timezone: UTC, data: { any: [1, null] }, first: none, onChange: true }`;
  expect(marked(text)).toEqual([]);
});

test.each([
  ['a key that there is not', 'topics: { t: { interval: 1s, data: 1, onchange: true } }', '/topics/t'],
  ['a duration', 'topics: { t: { interval: 5, data: 1 } }', '/topics/t/interval'],
  ['two sources', 'topics: { t: { interval: 1s, data: 1, host: load } }', '/topics/t'],
  ['no source', 'topics: { t: { interval: 1s } }', '/topics/t'],
  ['a word', 'log: { level: loud }', '/log/level'],
  ['a size', 'clients: { frameBytes: 1 }', '/clients/frameBytes'],
  ['a path', 'state: { file: ~/x }', '/state/file'],
  ['an address that is not loopback', 'web: { address: 0.0.0.0:80 }', '/web/address'],
  ['a name', 'topics: { a b: { interval: 1s, data: 1 } }', '/topics'],
  ['a section', 'sockets: {}', ''],
  ['a server with a password', 'nats: { servers: nats://u:p@a }', '/nats/servers'],
  ['an import without topics', 'nats: { servers: a, import: [{ from: b }] }', '/nats/import/0'],
])('%s is marked', (_, text, path) => {
  expect(marked(text)).toContain(path);
});
