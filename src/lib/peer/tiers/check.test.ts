import { describe, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { seededRandom } from '#lib/base/random.ts';
import { marketOffer, modelFixture } from '#lib/market/offer.fixture.ts';
import { offerKeyOf } from '#lib/pay/registry.ts';
import { payError } from '#lib/pay/errors.ts';
import { deployedChain } from '#lib/pay/chain/calls.ts';
import type { Address, Chain, Stake } from '#lib/pay/spec.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import type { Offer } from '#lib/protocol/offer.ts';
import { createAuditBook, type AuditSummary } from './audits.ts';
import { createTierCheck, largestJobOf } from './check.ts';

const peerOf = (n: number) => createSigner(new Uint8Array(32).fill(n)).peer;
const providerOf = (n: number): Address => `0x${n.toString(16).padStart(40, '0')}`;
const record: AuditSummary = { receipts: 100, audited: 25, margin: 0.02, validators: 4, convictions: 0 };

function offerOf(n: number, change: Partial<Offer> = {}): Offer {
  return marketOffer('worker', {
    models: [modelFixture({ price: { in: '1000000', out: '2000000' } })],
    peer: peerOf(n),
    tiers: ['open', 'verified'],
    payout: {
      chain: 31_337,
      provider: providerOf(n),
      providerSigner: providerOf(n),
      delay: 86_400,
      depositMin: '1',
    },
    ...change,
  });
}

function scene() {
  const clock = manualClock();
  const audits = createAuditBook();
  const state = { asked: 0, answers: true, stakes: new Map<string, Partial<Stake>>() };
  const chain = {
    entry: deployedChain(31_337),
    head: async () => ({ number: 7n, hash: '0x', timestamp: 0 }),
    async stake(provider: Address) {
      state.asked++;
      if (!state.answers) throw payError('chain-unavailable');
      const none = { bonded: 0n, unbonding: 0n, unbondedAt: 0, isListed: false, metadataHash: '0x', pricesHash: '0x' };
      return { ...none, offerKey: `0x${'00'.repeat(32)}`, ...state.stakes.get(provider.toLowerCase()) };
    },
  } as Partial<Chain> as Chain;
  const bond = (n: number, bonded: bigint, of = n) =>
    state.stakes.set(providerOf(n), { bonded, isListed: true, offerKey: offerKeyOf(peerOf(of)) });
  const check = createTierCheck({ chains: [chain], audits, clock, random: seededRandom(1) });
  return { clock, audits, state, bond, check };
}

const offer = offerOf(1);
const enough = 200n * largestJobOf(offer);

test('a worker is verified by a bond that was read and audits that are on record, and what was seen is shown', async () => {
  const { check, bond, audits } = scene();
  bond(1, enough);
  audits.note(peerOf(1), record);
  expect(check.proves(peerOf(1), 'verified')).toBe(false);
  await check.prepare([offer], 'verified');
  expect(check.proves(peerOf(1), 'verified')).toBe(true);
  expect(check.proves(peerOf(1), 'confidential')).toBe(false);
  expect(check.finding(peerOf(1))).toEqual({
    bond: {
      chain: 31_337,
      provider: expect.stringMatching(/^0x0+1$/),
      amount: `${enough}`,
      required: `${enough}`,
      block: '7',
    },
    audits: record,
  });
});

describe('is not verified', () => {
  test.each([
    ['with a unit too little', offer, enough - 1n, 1, record],
    ['with the bond of another', offer, enough, 2, record],
    ['without an audit', offer, enough, 1, undefined],
    ['with two audited answers', offer, enough, 1, { ...record, audited: 2 }],
    ['with a conviction', offer, enough, 1, { ...record, convictions: 1 }],
    ['without claiming it', offerOf(1, { tiers: ['open'] }), enough, 1, record],
    ['without an account', offerOf(1, { payout: undefined }), enough, 1, record],
    ['on another chain', offerOf(1, { payout: { ...offer.payout!, chain: 8453 } }), enough, 1, record],
  ] as const)('a worker %s', async (_what, claimed, bonded, of, summary) => {
    const { check, bond, audits } = scene();
    bond(1, bonded, of);
    if (summary) audits.note(peerOf(1), summary);
    await check.prepare([claimed], 'verified');
    expect(check.proves(peerOf(1), 'verified')).toBe(false);
    expect(check.finding(peerOf(1))).toBeUndefined();
  });
});

test('a bond is believed for a minute, read once in it, and again where the offer has become dearer', async () => {
  const { check, bond, audits, clock, state } = scene();
  bond(1, enough);
  audits.note(peerOf(1), record);
  await Promise.all([check.prepare([offer], 'verified'), check.prepare([offer], 'verified')]);
  await check.prepare([offer], 'verified');
  expect(state.asked).toBe(1);
  const [model] = offer.models;
  const dearer = { ...offer, models: [{ ...model!, price: { in: '9000000', out: '9000000' } }] };
  await check.prepare([dearer], 'verified');
  expect([check.proves(peerOf(1), 'verified'), state.asked]).toEqual([false, 2]);
  await check.prepare([offer], 'verified');
  await clock.advance(60_000);
  expect(check.proves(peerOf(1), 'verified')).toBe(false);
});

test('a silent chain proves nothing, and is asked again by the next job', async () => {
  const { check, bond, audits, state } = scene();
  bond(1, enough);
  audits.note(peerOf(1), record);
  state.answers = false;
  await check.prepare([offer], 'verified');
  expect(check.proves(peerOf(1), 'verified')).toBe(false);
  state.answers = true;
  await check.prepare([offer], 'verified');
  expect(check.proves(peerOf(1), 'verified')).toBe(true);
});

test('what was looked up and found wanting is refuted, and what was not looked up is neither', async () => {
  const { check, bond, audits, clock, state } = scene();
  const verdict = () => [check.proves(peerOf(1), 'verified'), check.refutes(peerOf(1), 'verified')];
  expect(verdict()).toEqual([false, false]);
  state.answers = false;
  await check.prepare([offer], 'verified');
  expect(verdict()).toEqual([false, false]);
  state.answers = true;
  await check.prepare([offer], 'verified');
  expect(verdict()).toEqual([false, true]);
  await clock.advance(60_000);
  expect(verdict()).toEqual([false, false]);
  bond(1, enough);
  await check.prepare([offer], 'verified');
  // A bond without audits is no proof, and no refutation either: they are still to come.
  expect(verdict()).toEqual([false, false]);
  audits.note(peerOf(1), record);
  expect(verdict()).toEqual([true, false]);
  audits.note(peerOf(1), { ...record, convictions: 1 });
  expect(verdict()).toEqual([false, true]);
});

test('a conviction counts at once, also against a bond that was just read', async () => {
  const { check, bond, audits } = scene();
  bond(1, enough);
  audits.note(peerOf(1), record);
  await check.prepare([offer], 'verified');
  audits.note(peerOf(1), { ...record, convictions: 1 });
  expect([check.proves(peerOf(1), 'verified'), check.isConvicted(peerOf(1))]).toEqual([false, true]);
});

test('many that claim it have few bonds read for one job, each in its turn', async () => {
  const { check, state } = scene();
  const many = Array.from({ length: 40 }, (_, at) => offerOf(at + 1));
  for (const asked of [16, 32, 40, 40]) {
    await check.prepare(many, 'verified');
    expect(state.asked).toBe(asked);
  }
});

test('the largest job is a context full of the dearer side, of the dearest model', () => {
  const [model] = offer.models;
  const models = [
    { ...model!, contextTokens: 1_000, price: { in: '2000000', out: '1000000' } },
    { ...model!, contextTokens: 4_000, price: { in: '0', out: '0' } },
  ];
  expect(largestJobOf({ models })).toBe(2_000n);
});

test('the record of audits is bounded, and forgets convictions last', () => {
  const audits = createAuditBook();
  audits.note('convict', { ...record, convictions: 1 });
  for (let at = 0; at < 5_000; at++) audits.note(`peer-${at}`, record);
  expect([audits.of('convict')?.convictions, audits.of('peer-0'), audits.of('peer-4999')]).toEqual([
    1,
    undefined,
    record,
  ]);
});
