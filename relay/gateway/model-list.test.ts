import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createDirectory } from '#lib/market/directory.ts';
import { fullName } from '#lib/market/names.ts';
import {
  artefactA,
  artefactB,
  envelopeFixture,
  marketOffer,
  modelFixture,
  nowMs,
  peerFixture,
} from '#lib/market/offer.fixture.ts';
import { createModelList } from './model-list.ts';

test('A5: a model is known by its name, its artefact and its full name, and looked for only at those who list it', () => {
  const directory = createDirectory({ clock: manualClock(nowMs) });
  const models = createModelList({ ...directory, entries: () => expect.unreachable() }, ['catalogued']);
  const serve = (peer: string, artefact: string, contextTokens: number) =>
    directory.consider(
      marketOffer(peer, { models: [modelFixture({ name: 'mine', artefact, contextTokens })] }),
      envelopeFixture,
    );
  expect([models.knows('catalogued'), models.knows('mine'), models.find('catalogued')]).toEqual([
    true,
    false,
    undefined,
  ]);
  serve('A', artefactA, 512);
  serve('B', artefactB, 4_096);
  const mine = {
    id: 'mine',
    artefacts: [artefactA, artefactB],
    peers: 2,
    contextTokens: 4_096,
    kinds: ['chat'],
    features: [],
  };
  expect([models.find('mine'), models.find(artefactB)?.peers]).toEqual([mine, 1]);
  expect(models.knows(fullName('mine', peerFixture('A')))).toBe(true);
  expect(models.knows('mine@zzzz')).toBe(false);
});
