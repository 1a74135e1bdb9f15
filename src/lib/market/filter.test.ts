import { expect, test } from 'vitest';
import { filter } from './filter.ts';
import { artefactA, artefactB, entryFixture, modelFixture, nowMs, peerFixture } from './offer.fixture.ts';
import type { RouteQuery } from './spec.ts';

const payout = {
  chain: 1,
  provider: `0x${'1'.repeat(40)}`,
  providerSigner: `0x${'2'.repeat(40)}`,
  delay: 86_400,
  depositMin: '0',
} as const;
const query: RouteQuery = { model: { artefact: artefactA }, tier: 'open', contextTokens: 512, kind: 'chat' };
const reason = (over: Parameters<typeof entryFixture>[1], asked: Partial<RouteQuery> = {}, options = {}) => {
  const result = filter({ ...query, ...asked }, entryFixture('A', over), { now: nowMs, ...options });
  return result.type === 'rejection' ? result.rejection.reason : 'taken';
};

test('each reason, and the value on the other side of its edge', () => {
  expect(reason({})).toBe('taken');
  expect(reason({}, {}, { now: nowMs + 45_000 })).toBe('expired');
  expect(reason({}, { only: [peerFixture('B')] })).toBe('not-allowed');
  expect(reason({}, { only: [peerFixture('A')] })).toBe('taken');
  expect(reason({}, { only: [] })).toBe('not-allowed');
  expect(reason({}, { ignore: [peerFixture('A')] })).toBe('not-allowed');
  expect(reason({}, { ignore: [peerFixture('B')] })).toBe('taken');
  const q8 = { models: [modelFixture({ quantisation: 'Q8_0', price: { in: '5', out: '7' } })] };
  expect(reason({ ...q8, payout }, { budget: '1', quantisations: ['q8_0'] })).toBe('taken');
  expect(reason(q8, { quantisations: ['F16'] })).toBe('quantisation');
  const paid = { ...q8, payout };
  expect(reason(paid, { budget: '1', priceMax: { in: '5', out: '7' } })).toBe('taken');
  expect(reason(paid, { budget: '1', priceMax: { in: '4', out: '7' } })).toBe('price');
  expect(reason(paid, { budget: '1', priceMax: { in: '5', out: '6' } })).toBe('price');
  // Whoever cannot pay, is not asked to.
  expect(reason(paid)).toBe('price');
  expect(reason(q8, { budget: '1' })).toBe('price');
  expect(reason(paid, { budget: '0' })).toBe('price');
  expect(reason(q8, {}, { self: peerFixture('A') })).toBe('taken');
  const pictures = [modelFixture({ kinds: ['image'], price: { in: '1', out: '1' } })];
  expect(reason({ models: pictures, payout }, { budget: '1', kind: 'image' })).toBe('price');
  expect(reason({}, { not: [peerFixture('A')] })).toBe('tried-already');
  expect(reason({}, { model: { artefact: artefactB } })).toBe('model-not-here');
  expect(reason({}, { model: { name: 'tabloom-demo' } })).toBe('taken');
  expect(reason({}, { model: { name: 'Tabloom-demo' } })).toBe('model-not-here');
  expect(reason({}, { model: 'any' })).toBe('taken');
  expect(reason({ models: [] }, { model: 'any' })).toBe('model-not-here');
  expect(reason({}, { contextTokens: 513 })).toBe('context-too-small');
  expect(reason({ draining: true })).toBe('draining');
  expect(reason({ models: [modelFixture({ running: 1, queued: 7 })] })).toBe('taken');
  expect(reason({ models: [modelFixture({ running: 1, queued: 8 })] })).toBe('queue-full');
  expect(reason({ models: [modelFixture({ running: 1, queued: 8 })] }, {}, { full: 'ask' })).toBe('taken');
  expect(reason({ models: [modelFixture({ slots: 2, running: 1, queued: 8 })] })).toBe('taken');
  expect(reason({}, {}, { parked: () => true })).toBe('parked');
});

test('A6: a tier is what was proven of the peer, and not what its offer says', () => {
  for (const tier of ['verified', 'confidential'] as const) {
    const claimed = { tiers: ['open' as const, tier] };
    expect(reason(claimed, { tier })).toBe('tier');
    expect(reason({}, { tier }, { proves: () => true })).toBe('taken');
    const proves = (peer: string, proven: string) => peer === peerFixture('A') && proven === 'verified';
    expect(reason(claimed, { tier }, { proves })).toBe(tier === 'verified' ? 'taken' : 'tier');
    expect(reason(claimed, { tier: 'open' })).toBe('taken');
  }
});

test('A7: a worker that is parked for one of its models is taken with another', () => {
  const models = [modelFixture(), modelFixture({ artefact: artefactB, running: 1 })];
  const parked = (_peer: string, artefact: string) => artefact === artefactA;
  expect(reason({ models }, { model: 'any' }, { parked })).toBe('taken');
  expect(reason({ models }, {}, { parked })).toBe('parked');
});

test('of several models that fit, the lighter is taken, then the faster', () => {
  const measured = { prefillTps: 1, decodeTps: 99, ttftMs: 1 };
  const models = [
    modelFixture({ artefact: artefactB, running: 1, measured }),
    modelFixture({ artefact: artefactA }),
    modelFixture({ artefact: 'c'.repeat(64), measured }),
  ];
  const result = filter({ ...query, model: 'any' }, entryFixture('A', { models }), { now: nowMs });
  expect(result.type === 'candidate' && result.candidate.model.artefact).toBe('c'.repeat(64));
});
