import { expect, test } from 'vitest';
import type { ConnectionStatus, NetStatus } from '#lib/net/spec.ts';
import { manualClock } from '#lib/base/clock.fixture.ts';
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
  const clock = manualClock();
  const net: Parameters<typeof createZones>[0] = {
    status: () => ((reads += 1), { state: 'online', relays: [], connections }),
    onStatus: (listener: (status: NetStatus) => void) => {
      change = () => listener({ state: 'online', relays: [], connections });
      return () => undefined;
    },
  };
  const zones = createZones(net, clock);
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

test('what a connection proves outranks a label, and stands for it where others have the same label', () => {
  const connections = [connection('A', '/ip4/203.0.113.7/tcp/1')];
  const status = (): NetStatus => ({ state: 'online', relays: [], connections });
  const labels: Readonly<Record<string, string>> = { A: 'R/one', B: 'R/one', C: 'R/two', D: 'S/one' };
  const zones = createZones({ status, onStatus: () => () => undefined }, manualClock(), (peer) => labels[peer]);
  expect(['A', 'B', 'C', 'D', 'E'].map(zones.zone)).toEqual(['203.0.113', '203.0.113', 'R/two', 'S/one', undefined]);
});

test('promises broken in a zone are counted together, and half of them forgotten in an hour', async () => {
  const clock = manualClock();
  const connections = ['/ip4/203.0.113.7/tcp/1', '/ip4/203.0.113.8/tcp/1'].map((addr, i) => connection(`P${i}`, addr));
  const status = (): NetStatus => ({ state: 'online', relays: [], connections });
  const zones = createZones({ status, onStatus: () => () => undefined }, clock);
  for (const peer of ['P0', 'P1', 'unknown']) zones.noteBroken(peer);
  expect([zones.brokenIn('203.0.113'), zones.brokenIn(undefined), zones.brokenIn('198.51.100')]).toEqual([2, 1, 0]);
  await clock.advance(3_600_000);
  expect(zones.brokenIn('203.0.113')).toBe(1);
});
