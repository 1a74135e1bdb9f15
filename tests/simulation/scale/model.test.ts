import { expect, test } from 'vitest';
import { smallNetworkMax } from '#lib/peer/presence/network-size.ts';
import type { UnitCosts } from './measure.ts';
import { scaleOf, type Scale } from './model.ts';

const costs: UnitCosts = {
  offerBytes: 1_000,
  offerFrameBytes: 1_000,
  checkMs: { relay: 0.1, tab: 1 },
  frameMs: 0.02,
  sampleMs: () => 0.5,
  offerHeapBytes: 4_000,
  streamHeapBytes: 50_000,
};

const ofAPeer = ({ gossipBytes, findBytes, announcedBytes, findMs }: Scale) => ({
  gossipBytes,
  findBytes,
  announcedBytes,
  findMs,
});

test('with relays in proportion to the peers, nothing that one peer bears grows', () => {
  const [ten, hundred] = [scaleOf(10_000, 10, costs), scaleOf(100_000, 100, costs)];
  expect(ofAPeer(hundred)).toEqual(ofAPeer(ten));
  expect(hundred.peersAtRelay).toBe(ten.peersAtRelay);
  expect(hundred.beyond).toEqual([]);
});

test('a relay bears the offers of its network, and further relays share its peers alone', () => {
  const [two, sixteen] = [scaleOf(10_000, 2, costs), scaleOf(10_000, 16, costs)];
  expect([two.offersAtRelay, sixteen.offersAtRelay]).toEqual([2_000, 2_000]);
  expect(sixteen.peersAtRelay).toBe(two.peersAtRelay / 8);
  expect(scaleOf(10_000, 32, costs).offersAtRelay).toBe(1_000);
});

test('past a small network a peer is sent as many offers as it asked for, however many there are', () => {
  const [thousand, tenThousand] = [scaleOf(1_000, 1, costs), scaleOf(8_000, 1, costs)];
  expect(thousand.offersAtRelay).toBeGreaterThan(smallNetworkMax);
  expect(tenThousand.findBytes).toBe(thousand.findBytes);
  expect([thousand.gossipBytes, tenThousand.gossipBytes]).toEqual([0, 0]);
});

test('one relay does not carry a hundred thousand, and the model says by which limits', () => {
  expect(scaleOf(100_000, 1, costs).beyond).toEqual(['connections', 'find streams', 'offers']);
});
