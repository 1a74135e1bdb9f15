import { expect, test } from 'vitest';
import { comparePaths, relayOf, targetOf, transportOf, webrtcAddress } from './paths.ts';

const relay = '12D3KooWRe1ay';
const peer = '12D3KooWPeer';
const circuit = `/ip4/10.0.0.1/tcp/1/ws/p2p/${relay}/p2p-circuit/p2p/${peer}`;

test.each([
  [circuit, 'circuit'],
  [webrtcAddress(circuit), 'webrtc'],
  [`/ip4/10.0.0.1/udp/1/webrtc-direct/certhash/x/p2p/${peer}`, 'webrtc-direct'],
  [`/dns4/example.org/tcp/443/wss/p2p/${relay}`, 'websocket'],
  [`/ip4/10.0.0.1/tcp/1/tls/ws`, 'websocket'],
  [`/ip4/10.0.0.1/tcp/1`, 'other'],
] as const)('%s is %s', (address, transport) => {
  expect(transportOf(address)).toBe(transport);
});

test('a circuit address contains its relay and its target', () => {
  expect(relayOf(circuit)).toBe(relay);
  expect(relayOf(webrtcAddress(circuit))).toBe(relay);
  expect(relayOf(`/ip4/10.0.0.1/tcp/1/ws/p2p/${relay}`)).toBeUndefined();
  expect(targetOf(circuit)).toBe(peer);
  expect(targetOf('/ip4/10.0.0.1/tcp/1')).toBeUndefined();
});

test('E: addresses are sorted by how widely they work, webrtc-direct last', () => {
  const direct = `/ip4/10.0.0.1/udp/1/webrtc-direct/certhash/x/p2p/${peer}`;
  const [ws, wss] = [`/ip4/10.0.0.1/tcp/1/ws/p2p/${peer}`, `/dns4/example.org/tcp/443/tls/ws/p2p/${peer}`];
  const sorted = [direct, circuit, ws, webrtcAddress(circuit), wss].toSorted(comparePaths);
  expect(sorted).toEqual([wss, webrtcAddress(circuit), ws, circuit, direct]);
});
