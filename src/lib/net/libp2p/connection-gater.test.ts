import { multiaddr } from '@multiformats/multiaddr';
import { describe, expect, test } from 'vitest';
import { createConnectionGater, type PageDialPolicy } from './connection-gater.ts';

const denied = { reject: () => false, denies: () => false };
const peer = '12D3KooWA1ofhcEyUBNiisjW5uxz9a8F9zFpaUph9G6mJu3xZW4n';
const dials = (dialling: Parameters<typeof createConnectionGater>[1], address: string) =>
  createConnectionGater(denied, dialling).denyDialMultiaddr!(multiaddr(`${address}/p2p/${peer}`)) === false;
const page = (named: string, insecure: PageDialPolicy['insecure'] = 'refuse'): PageDialPolicy => ({
  insecure,
  named: () => [`${named}/p2p/${peer}`],
});

describe('D11: a page may dial the address it was served from', () => {
  test.each([
    '/dns4/localhost/tcp/443/wss',
    '/ip4/127.0.0.1/tcp/443/wss',
    '/ip4/192.168.1.5/tcp/8443/wss',
    '/ip6/::1/tcp/443/wss',
    '/dns4/relay.local/tcp/443/wss',
  ])('%s', (address) => {
    expect(dials(page(address), address)).toBe(true);
    expect(dials(page(address), `${address}/p2p/${peer}/p2p-circuit`)).toBe(true);
    expect(dials(page(address), `${address}/p2p/${peer}/p2p-circuit/webrtc`)).toBe(true);
  });
});

describe('D11: it does not dial local-network addresses learned from peers', () => {
  test.each([
    '/dns4/localhost/tcp/8443/wss',
    '/ip4/127.0.0.1/tcp/8443/wss',
    '/ip4/192.168.1.1/tcp/443/wss',
    '/ip4/10.0.0.1/udp/1/webrtc-direct',
    '/dns4/router.lan/tcp/443/wss',
    '/dns6/Printer.Local/tcp/443/wss',
    `/ip4/192.168.1.1/tcp/443/wss/p2p/${peer}/p2p-circuit`,
  ])('%s', (address) => {
    for (const insecure of ['allow', 'refuse'] as const)
      expect(dials(page('/dns4/localhost/tcp/443/wss', insecure), address)).toBe(false);
  });
});

test('an https page does not dial ws://, which its browser would block; an http page does', () => {
  const other = '/dns4/relay.example/tcp/80/ws';
  expect(dials(page('/dns4/own.example/tcp/443/wss'), other)).toBe(false);
  expect(dials(page('/dns4/own.example/tcp/80/ws', 'allow'), other)).toBe(true);
  expect(dials(page('/dns4/own.example/tcp/443/wss'), '/dns4/relay.example/tcp/443/wss')).toBe(true);
});

test('an owner’s program dials anything', () => {
  for (const address of ['/ip4/127.0.0.1/tcp/1/ws', '/dns4/relay.example/tcp/443/wss'])
    expect(dials('any', address)).toBe(true);
});

test('a relay dials the relays that its owner named, peers through them, and nothing else', () => {
  const named = '/ip4/127.0.0.1/tcp/1/ws';
  const policy = { only: () => [`${named}/p2p/${peer}`] };
  expect(dials(policy, named)).toBe(true);
  expect(dials(policy, `${named}/p2p/${peer}/p2p-circuit`)).toBe(true);
  for (const address of [
    '/ip4/127.0.0.1/tcp/2/ws',
    '/dns4/relay.example/tcp/443/wss',
    `${named}/p2p/12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5/p2p-circuit`,
    `/dns4/relay.example/tcp/443/wss/p2p/${peer}/p2p-circuit`,
  ]) {
    expect(dials(policy, address)).toBe(false);
  }
  expect(dials({ only: () => [] }, named)).toBe(false);
});
