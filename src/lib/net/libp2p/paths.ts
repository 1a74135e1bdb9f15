import type { Connection } from '@libp2p/interface';
import type { ChannelPath, ConnectionStatus } from '../spec.ts';

/**
 * A connection's transport, derived from its address. A WebRTC address contains the circuit used for signalling,
 * although its data does not pass through the relay: `…/p2p-circuit/webrtc/p2p/…`.
 */
export function transportOf(address: string): ConnectionStatus['transport'] {
  const names = new Set(address.split('/'));
  if (names.has('webrtc-direct')) return 'webrtc-direct';
  if (names.has('webrtc')) return 'webrtc';
  if (names.has('p2p-circuit')) return 'circuit';
  return names.has('ws') || names.has('wss') ? 'websocket' : 'other';
}

/** Orders our addresses by how widely they work, since others try them in order and an offer holds only a few. */
export const comparePaths = (one: string, other: string): number => preference(one) - preference(other);

function preference(address: string): number {
  const transport = transportOf(address);
  if (transport === 'websocket') return /\/(wss|tls)\b/.test(address) ? 0 : 2;
  return { webrtc: 1, circuit: 3, other: 4, 'webrtc-direct': 5, memory: 6 }[transport];
}

export const pathOf = (connection: Connection): ChannelPath =>
  transportOf(connection.remoteAddr.toString()) === 'circuit' ? 'relayed' : 'direct';

export const connectionStatus = (connection: Connection): ConnectionStatus => ({
  peer: connection.remotePeer.toString(),
  path: pathOf(connection),
  transport: transportOf(connection.remoteAddr.toString()),
  direction: connection.direction,
  addr: connection.remoteAddr.toString(),
});

/** The relay's peer id in a circuit address; undefined for other addresses. */
export function relayOf(address: string): string | undefined {
  return /^(.*)\/p2p\/([1-9A-HJ-NP-Za-km-z]+)\/p2p-circuit/.exec(address)?.[2];
}

/** The peer id an address ends with. */
export function targetOf(address: string): string | undefined {
  return /\/p2p\/([1-9A-HJ-NP-Za-km-z]+)$/.exec(address)?.[1];
}

/** The address for WebRTC signalled through the same circuit. */
export const webrtcAddress = (circuitAddress: string): string =>
  circuitAddress.replace('/p2p-circuit/', '/p2p-circuit/webrtc/');
