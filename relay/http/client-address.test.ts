import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { createClientAddressResolver } from './client-address.ts';

const request = (remoteAddress: string, forwarded?: string) =>
  ({
    headers: { 'x-forwarded-for': forwarded },
    socket: { remoteAddress, remotePort: 7 },
  }) as unknown as IncomingMessage;
const proxies = ['10.0.0.0/8', '127.0.0.1', '2001:db8::/32'];

test.each([
  ['no proxy is trusted', [], '10.0.0.1', '1.2.3.4', '10.0.0.1'],
  ['an untrusted client sends the header', proxies, '192.0.2.1', '1.2.3.4', '192.0.2.1'],
  ['a proxy says who it is', proxies, '10.0.0.1', '1.2.3.4', '1.2.3.4'],
  ['the client has written one itself', proxies, '10.0.0.1', '6.6.6.6, 1.2.3.4', '1.2.3.4'],
  ['proxies one behind another', proxies, '127.0.0.1', '6.6.6.6, 1.2.3.4, 10.0.0.2,10.0.0.3', '1.2.3.4'],
  ['all are proxies', proxies, '127.0.0.1', '10.0.0.2, 10.0.0.3', '10.0.0.2'],
  ['no header', proxies, '127.0.0.1', undefined, '127.0.0.1'],
  ['an empty one', proxies, '127.0.0.1', '', '127.0.0.1'],
  ['a malformed one', proxies, '127.0.0.1', '1.2.3.4, unknown', '127.0.0.1'],
  ['a malformed hop before a proxy', proxies, '127.0.0.1', '<script>, 10.0.0.2', '10.0.0.2'],
  ['a number that is no address', proxies, '127.0.0.1', '1.2.3.400', '127.0.0.1'],
  ['ports', proxies, '127.0.0.1', '1.2.3.4:5678', '1.2.3.4'],
  ['IPv6 with brackets', proxies, '2001:db8::1', '[2606:4700::1]:443', '2606:4700::1'],
  ['IPv4 in IPv6', proxies, '::ffff:10.0.0.1', '::ffff:1.2.3.4', '1.2.3.4'],
] as const)('%s', (_name, trusted, remote, header, host) => {
  expect(createClientAddressResolver(trusted)(request(remote, header))).toEqual({ host, port: 7 });
});

test.each(['10.0.0.0/33', '10.0.0/8', 'proxy.example', '10.0.0.0/8/9', '::1/129', '10.0.0.0/', '*'])(
  '%s is no network',
  (network) => {
    expect(() => createClientAddressResolver([network])).toThrow(/no network/);
  },
);
