import { expect, test } from 'vitest';
import { seededRandom } from '#lib/base/random.ts';
import type { Peer } from '../peer.ts';
import { chat, follow, until } from '../peer.fixture.ts';
import { createTown, seedOf } from '../town.fixture.ts';
import { createZoneLabeller, createZoneLabels } from './zone-labels.ts';

const at = (host: string) => `/ip4/${host}/tcp/4001/ws`;

test('one label for each zone, none without an address, and another after each start', () => {
  const [labelOf, restarted] = [createZoneLabeller(seededRandom(1)), createZoneLabeller(seededRandom(2))];
  const label = labelOf(at('203.0.113.7'))!;
  expect(label).toMatch(/^[\da-f]{16}$/);
  expect(labelOf(at('203.0.113.200'))).toBe(label);
  expect(labelOf('/ip6/2001:db8:1:2::1/tcp/1')).toBe(labelOf('/ip6/2001:db8:1:ffff::9/tcp/1'));
  expect(new Set([label, labelOf(at('203.0.114.7')), labelOf('/ip6/2001:db8:1:2::1/tcp/1')]).size).toBe(3);
  expect(restarted(at('203.0.113.7'))).not.toBe(label);
  const relayed = `${at('203.0.113.7')}/p2p/R/p2p-circuit`;
  expect([undefined, '/dns4/a.example/tcp/1/ws', relayed].map(labelOf)).toEqual([undefined, undefined, undefined]);
});

test('equal labels of two relays are two zones, and the relay that was followed first is believed', () => {
  const labels = createZoneLabels();
  labels.note('R', 'A', 'same');
  labels.note('S', 'B', 'same');
  labels.note('S', 'A', 'other');
  expect(labels.zoneOf('A')).not.toBe(labels.zoneOf('B'));
  labels.note('R', 'C', 'same');
  expect(labels.zoneOf('C')).toBe(labels.zoneOf('A'));
  labels.note('R', 'C', undefined);
  expect(labels.zoneOf('C')).toBeUndefined();
  labels.forget('R');
  expect(labels.zoneOf('A')).toBe('S/other');
});

test('strangers whom nobody has dialled are spread over the zones that their relay labels', async () => {
  const town = createTown();
  await town.relay(1);
  const workers: Peer[] = [];
  for (const [at, host] of ['198.51.100.1', ...Array.from({ length: 6 }, (_, i) => `203.0.113.${i}`)].entries()) {
    const net = town.network.createNet({ seed: seedOf(10 + at), addr: `/ip4/${host}/tcp/1` });
    const worker = await town.join(10 + at, { net });
    worker.provider.offerModel(await town.model(5));
    workers.push(worker);
  }
  let alone = 0;
  for (let number = 20; number < 44; number++) {
    const asker = await town.join(number);
    await until(town.clock, () => workers.every(({ self }) => asker.directory.get(self) !== undefined));
    const job = follow(asker.consumer, chat('hello', { model: 'any' }));
    await until(town.clock, () => job.over);
    expect(job.state.phase).toBe('finished');
    if (job.state.worker?.peer === workers[0]!.self) alone += 1;
  }
  // By keys it would be three or four of them.
  expect(alone).toBeGreaterThanOrEqual(8);
});
