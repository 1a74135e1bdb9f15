import { expect, test } from 'vitest';
import { capacities, unservedModels, shortestQueue } from './capacity.ts';
import { artefactA, artefactB, entryFixture, modelFixture, nowMs } from './offer.fixture.ts';
import type { RouteQuery } from './spec.ts';

const query: RouteQuery = { model: { artefact: artefactA }, tier: 'open', contextTokens: 100, kind: 'chat' };

test('sums what live workers offer; draining and expired ones, and a model listed twice, add nothing', () => {
  const twice = [modelFixture({ running: 1 }), modelFixture({ running: 1 })];
  const entries = [
    entryFixture('A', { models: twice }),
    entryFixture('B', {
      tiers: ['open', 'verified'],
      models: [modelFixture({ slots: 4, queued: 2, contextTokens: 4_096, measured: undefined })],
    }),
    entryFixture('C', { draining: true }),
    { ...entryFixture('D'), expiresAt: nowMs },
  ];
  expect(capacities(entries, nowMs)).toEqual([
    {
      artefact: artefactA,
      name: 'tabloom-demo',
      quantisation: 'Q8_0',
      workers: 2,
      slots: 5,
      running: 1,
      queued: 2,
      decodeTps: 50,
      contextTokens: 4_096,
      tiers: ['open'],
    },
  ]);
});

test('an empty shelf is a known model that nobody serves', () => {
  const served = capacities([entryFixture('A')], nowMs);
  expect(unservedModels([{ artefact: artefactA }, { artefact: artefactB }], served)).toEqual([{ artefact: artefactB }]);
});

test('the queue is the shortest of those that can serve', () => {
  const jobMs = 100 + (256 / 50) * 1_000;
  const busy = entryFixture('A', { models: [modelFixture({ running: 1 })] });
  const full = entryFixture('B', { models: [modelFixture({ running: 1, queued: 8 })] });
  const other = entryFixture('C', { models: [modelFixture({ artefact: artefactB })] });
  expect(shortestQueue(query, [busy, full, other], nowMs)).toEqual({ ahead: 1, waitMs: jobMs });
  expect(shortestQueue(query, [full, other], nowMs)).toEqual({ ahead: 9, waitMs: 9 * jobMs });
  expect(shortestQueue(query, [other], nowMs)).toBeUndefined();
  expect(shortestQueue(query, [entryFixture('D')], nowMs)).toEqual({ ahead: 0, waitMs: 0 });
});
