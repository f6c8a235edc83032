import { describe, expect, test } from 'vitest';

import { forbidden } from '../../src/cli/network-doubt.ts';

describe('what `systemctl show` prints of the service', () => {
  const shown = (properties: Record<string, string>): string =>
    Object.entries({ LoadState: 'loaded', ...properties })
      .map(([name, value]) => `${name}=${value}\n`)
      .join('');
  test.each<[string, Record<string, string>, string | undefined]>([
    ['forbids it by families', { RestrictAddressFamilies: 'AF_NETLINK AF_UNIX' }, 'RestrictAddressFamilies='],
    [
      'forbids it by families that it excludes',
      { RestrictAddressFamilies: '~AF_INET AF_INET6' },
      'RestrictAddressFamilies=',
    ],
    ['allows one of the two families', { RestrictAddressFamilies: 'AF_UNIX AF_INET6' }, undefined],
    ['excludes other families', { RestrictAddressFamilies: '~AF_PACKET' }, undefined],
    ['allows all', { RestrictAddressFamilies: '', IPAddressDeny: '' }, undefined],
    ['forbids it by addresses', { IPAddressDeny: '::/0 0.0.0.0/0' }, 'IPAddressDeny='],
    [
      'forbids it by addresses, with exceptions',
      { IPAddressDeny: '::/0 0.0.0.0/0', IPAddressAllow: '127.0.0.0/8' },
      undefined,
    ],
    ['forbids some addresses', { IPAddressDeny: '10.0.0.0/8' }, undefined],
    ['is of no service', { LoadState: 'not-found', RestrictAddressFamilies: 'AF_UNIX' }, undefined],
  ])('%s', (_, properties, setting) => {
    expect(forbidden(shown(properties))).toBe(setting);
  });

  test('is nothing without systemd', () => {
    expect(forbidden('')).toBeUndefined();
  });
});
