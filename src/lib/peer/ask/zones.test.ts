import { expect, test } from 'vitest';
import type { ConnectionStatus, NetStatus } from '#lib/net/spec.ts';
import { createZones } from './zones.ts';

const connection = (peer: string, addr?: string, path: ConnectionStatus['path'] = 'direct'): ConnectionStatus => ({
  peer,
  path,
  transport: 'websocket',
  direction: 'outbound',
  addr,
});

test('a zone is what a connection has proved, read when something has changed, and kept after it', () => {
  let connections: readonly ConnectionStatus[] = [];
  let reads = 0;
  let change: () => void = () => undefined;
  const zones = createZones({
    status: () => ((reads += 1), { state: 'online', relays: [], connections }),
    onStatus: (listener: (status: NetStatus) => void) => {
      change = () => listener({ state: 'online', relays: [], connections });
      return () => undefined;
    },
  });
  expect([zones.zone('A'), zones.isOwn('A')]).toEqual([undefined, false]);
  connections = [
    connection('A', '/ip4/203.0.113.7/tcp/1'),
    connection('R', '/ip4/203.0.113.7/tcp/1/p2p/X/p2p-circuit', 'relayed'),
    connection('N', undefined, 'loopback'),
  ];
  change();
  const seen = () => ['A', 'R', 'N'].map((peer) => [zones.zone(peer), zones.isOwn(peer)]);
  expect(seen()).toEqual([
    ['203.0.113', false],
    [undefined, false],
    [undefined, true],
  ]);
  expect(reads).toBe(2);
  connections = [];
  change();
  expect(seen()).toEqual([
    ['203.0.113', false],
    [undefined, false],
    [undefined, false],
  ]);
});
