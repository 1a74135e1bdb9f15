import fc from 'fast-check';
import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { seededRandom } from '#lib/base/random.ts';
import { createDirectory } from './directory.ts';
import { filter } from './filter.ts';
import {
  artefactA,
  artefactB,
  envelopeFixture,
  modelFixture,
  nowMs,
  marketOffer,
  peerFixture,
} from './offer.fixture.ts';
import { candidates, type Offers } from './candidates.ts';
import { route } from './route.ts';
import type { Directory, RouteQuery } from './spec.ts';

const peers = ['A', 'B', 'C', 'D', 'E', 'F'];
const models = [artefactA, artefactB].flatMap((artefact) =>
  ['one', 'two'].map((name) => modelFixture({ artefact, name })),
);
const some = <T>(from: readonly T[]) => fc.constantFrom(...from);

const step = fc.oneof(
  fc.record({
    type: fc.constant('offer' as const),
    peer: some(peers),
    models: fc.array(some(models), { maxLength: 3 }),
    ttlMs: some([1_000, 45_000]),
    draining: fc.boolean(),
    running: some([0, 1]),
  }),
  fc.record({ type: fc.constant('remove' as const), peer: some(peers) }),
  fc.record({ type: fc.constant('wait' as const), ms: some([500, 2_000]) }),
);
const queries: readonly RouteQuery[] = (
  ['any', { artefact: artefactA }, { artefact: artefactB }, { name: 'two' }] as const
)
  .flatMap((model) =>
    [{}, { not: [peerFixture('A')] }, { only: ['B', 'C', 'Z'].map(peerFixture) }].map((over) => ({ model, over })),
  )
  .map(({ model, over }): RouteQuery => ({ model, tier: 'open', contextTokens: 512, kind: 'chat', ...over }));

/** The same offers without an index: everything is looked at for every query. */
const scanned = (directory: Directory): Offers => ({
  entries: directory.entries,
  get: directory.get,
  serving: () => directory.entries(),
});

test('whatever offers come and go, the index finds who a look at all of them finds, and the choice is the same', () => {
  fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const clock = manualClock(nowMs);
      const directory = createDirectory({ clock });
      for (const [seq, one] of steps.entries()) {
        if (one.type === 'wait') await clock.advance(one.ms);
        else if (one.type === 'remove') directory.remove(peerFixture(one.peer));
        else {
          const offer = marketOffer(one.peer, {
            seq,
            issuedAt: clock.now(),
            ttlMs: one.ttlMs,
            draining: one.draining,
            models: one.models.map((model) => ({ ...model, running: one.running })),
          });
          directory.consider(offer, envelopeFixture);
        }
        if (seq % 7 === 0) directory.expire();
        const now = clock.now();
        for (const query of queries) {
          const options = { now, random: seededRandom(seq) };
          const peersOf = (offers: Offers) =>
            candidates(query, offers, options)
              .map(({ entry, model }) => `${entry.offer.peer} ${entry.offer.seq} ${model.name}`)
              .sort();
          const found = peersOf(directory);
          expect(found).toEqual(peersOf(scanned(directory)));
          const all = directory.entries().filter((entry) => filter(query, entry, { now }).type === 'candidate');
          expect(found).toHaveLength(all.length);
          const chosen = (offers: Offers) =>
            route(query, offers, {}, { now, random: seededRandom(seq) }).candidate?.entry.offer.peer;
          expect(chosen(directory)).toBe(chosen(scanned(directory)));
        }
      }
      expect(directory.size).toBeGreaterThanOrEqual(directory.entries().length);
    }),
    { numRuns: 60, seed: 7 },
  );
});

test('a model that a peer no longer lists is not found at it, and one listed twice is found once', () => {
  const directory = createDirectory({ clock: manualClock(nowMs) });
  const [one, two] = [modelFixture(), modelFixture({ artefact: artefactB, name: 'b' })];
  directory.consider(marketOffer('A', { models: [one, one] }), envelopeFixture);
  directory.consider(marketOffer('B', { models: [one] }), envelopeFixture);
  expect(directory.serving({ artefact: artefactA })).toHaveLength(2);
  directory.consider(marketOffer('A', { seq: 2, models: [two] }), envelopeFixture);
  const at = (model: RouteQuery['model']) => directory.serving(model).map(({ offer }) => offer.peer);
  expect([at({ artefact: artefactA }), at({ name: 'b' }), at({ artefact: 'c'.repeat(64) }), at('any')]).toEqual([
    [peerFixture('B')],
    [peerFixture('A')],
    [],
    [peerFixture('A'), peerFixture('B')],
  ]);
  expect(directory.size).toBe(2);
});
