import { expect, test } from 'vitest';
import { machineOfHost, zoneOfAddress } from './zone.ts';

test('IPv4 by its /24, IPv6 by its /48, however it is written', () => {
  expect(zoneOfAddress('/ip4/203.0.113.7/tcp/443/tls/ws/p2p/12D3KooW')).toBe('203.0.113');
  expect(zoneOfAddress('/ip4/203.0.113.250/udp/9/webrtc-direct/certhash/u')).toBe('203.0.113');
  for (const same of ['2001:db8:7:1::1', '2001:0DB8:0007:ffff:1:2:3:4', '2001:db8:7::']) {
    expect(zoneOfAddress(`/ip6/${same}/tcp/443`), same).toBe('2001:db8:7');
  }
  expect(zoneOfAddress('/ip6/::1/tcp/1')).toBe('0:0:0');
  expect(zoneOfAddress('/ip6/::ffff:203.0.113.9/tcp/1')).toBe('203.0.113');
});

test('nothing is made of an address that is a relay’s, a name, or none', () => {
  for (const none of [
    '/ip4/203.0.113.7/tcp/443/p2p/12D3KooW/p2p-circuit/webrtc/p2p/12D3KooX',
    '/dns4/relay.example/tcp/443',
    '/memory/12D3KooW',
    '/ip4/203.0.113/tcp/1',
    '/ip4/x.y.z.w',
    '/ip6/1:2:3:4:5:6:7:8:9/tcp/1',
    '/ip6/1::2::3:zz/tcp/1',
    '',
  ]) {
    expect(zoneOfAddress(none), none).toBeUndefined();
  }
});

test('a machine has one address of IPv4, or 64 bits of IPv6', () => {
  expect(machineOfHost('203.0.113.7')).toBe('203.0.113.7');
  expect(machineOfHost('::ffff:203.0.113.7')).toBe('203.0.113.7');
  expect(machineOfHost('2001:db8:7:1::1')).toBe(machineOfHost('2001:0DB8:0007:0001:ffff:1:2:3'));
  expect(machineOfHost('2001:db8:7:2::1')).toBe('2001:db8:7:2');
  for (const none of ['', 'localhost', '1.2.3', '1.2.3.x', '::1::2']) expect(machineOfHost(none)).toBeUndefined();
});
