import { expect, test } from 'vitest';
import { createEmitter } from '#lib/base/emitter.ts';
import { entryFixture, modelFixture } from '#lib/market/offer.fixture.ts';
import type { DirectoryChange, DirectoryEntry } from '#lib/market/spec.ts';
import { offersTopic, shardOf } from '#lib/protocol/find.ts';
import { createNetworkSizes, smallNetworkMax } from './network-size.ts';

const [a, b] = ['a'.repeat(64), 'b'.repeat(64)] as const;
const serves = (number: number, ...artefacts: readonly string[]): DirectoryEntry =>
  entryFixture(`${number}x`, { models: artefacts.map((artefact) => modelFixture({ artefact })) });

function setup(...entries: readonly DirectoryEntry[]) {
  const changes = createEmitter<DirectoryChange>();
  const sizes = createNetworkSizes({ serving: () => entries, onChange: changes.listen });
  return {
    offer: (entry: DirectoryEntry) => changes.emit({ type: 'offer', entry }),
    gone: ({ offer: { peer } }: DirectoryEntry) => changes.emit({ type: 'gone', peer }),
    now: () => [offersTopic, shardOf(a), shardOf(b)].map(sizes.of),
  };
}

test('a network is large above 64 offers, and small again at 48', () => {
  const entries = Array.from({ length: smallNetworkMax }, (_, i) => serves(i, i % 2 === 0 ? a : b));
  const network = setup(...entries);
  expect(network.now()).toEqual(['small', 'small', 'small']);
  network.offer(serves(100, a));
  expect(network.now()).toEqual(['large', 'small', 'small']);
  for (const entry of entries.slice(0, 16)) network.gone(entry);
  expect(network.now()[0]).toBe('large');
  network.gone(entries[16]!);
  expect(network.now()[0]).toBe('small');
});

test('a peer counts once for each topic, and only where its models are now', () => {
  const network = setup();
  for (let i = 0; i <= smallNetworkMax; i++) network.offer(serves(i, a, a.replace(/.$/, '0')));
  for (let i = 0; i <= smallNetworkMax; i++) network.offer(serves(i, a));
  expect(network.now()).toEqual(['large', 'large', 'small']);
  for (let i = 0; i <= smallNetworkMax; i++) network.offer(serves(i, b));
  expect(network.now()).toEqual(['large', 'small', 'large']);
  for (let i = 0; i <= smallNetworkMax; i++) network.gone(serves(i));
  network.gone(serves(1));
  expect(network.now()).toEqual(['small', 'small', 'small']);
});
