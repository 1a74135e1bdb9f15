import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import { marketOffer } from '#lib/market/offer.fixture.ts';
import type { AuditRecord } from '#lib/peer/tiers/audits.ts';
import type { TierCheck } from '#lib/peer/tiers/check.ts';
import type { RelayPayments } from '#lib/protocol/relay-info.ts';
import type { AuditsView } from '#lib/state/network.ts';
import { createTabTiers } from './tiers.ts';

const payments: RelayPayments = { chain: 31_337, rpc: 'http://relay.test/pay/rpc' };
const offer = marketOffer('worker', { tiers: ['open', 'verified'] });
const counted = { peer: offer.peer, receipts: 100, audited: 25, validators: 4, convictions: 0 };

/** `bonded`: whose bond the chain would show, once it is read. */
function scene({ bonded = [offer.peer] }: { readonly bonded?: readonly string[] } = {}) {
  const clock = manualClock(1_000_000);
  const state = {
    reads: 0,
    opened: [] as number[],
    audits: { followed: true, workers: [counted] } as AuditsView | 'down',
  };
  const looked = new Set<string>();
  const seen = new Set<string>();
  const open = async ({ chain }: RelayPayments, audits: AuditRecord): Promise<TierCheck> => {
    state.opened.push(chain);
    return {
      tiers: ['verified'],
      prepare: async (offers) =>
        offers.forEach(({ peer }) => {
          looked.add(peer);
          if (bonded.includes(peer)) seen.add(peer);
        }),
      proves: (peer, tier) =>
        tier === 'verified' &&
        seen.has(peer) &&
        (audits.of(peer)?.audited ?? 0) >= 3 &&
        audits.of(peer)?.convictions === 0,
      refutes: (peer) => looked.has(peer) && !seen.has(peer),
      finding: () => undefined,
      isConvicted: () => false,
    };
  };
  const tiers = createTabTiers({
    clock,
    open,
    readAudits: async () => {
      state.reads++;
      if (state.audits === 'down') throw new TabloomError('audits-unread', 'No.');
      return state.audits;
    },
  });
  const refusal = () => tiers.require('verified').then(() => 'none', errorCode);
  const proves = () => tiers.proves(offer.peer, 'verified');
  return { clock, state, tiers, refusal, proves };
}

test('a peer is proven by a bond that was read here and audits as the relay counted them, and by neither alone', async () => {
  const [both, noBond, noAudit] = [scene(), scene({ bonded: [] }), scene()];
  noAudit.state.audits = { followed: true, workers: [] };
  for (const { tiers, refusal } of [both, noBond, noAudit]) {
    tiers.notePayments(payments);
    expect(await refusal()).toBe('none');
    await tiers.prepare([offer], 'verified');
  }
  expect([both, noBond, noAudit].map(({ proves }) => proves())).toEqual([true, false, false]);
  expect(both.tiers.proves(offer.peer, 'confidential')).toBe(false);
});

test('rows are told what was found of each claim; what claims nothing, or was not looked up, stands in none', async () => {
  const bare = marketOffer('bare', { tiers: ['open', 'verified'] });
  const offers = [offer, bare, marketOffer('modest', { tiers: ['open'] })];
  const { tiers } = scene();
  const early = tiers.standings(offers);
  tiers.notePayments(payments);
  expect(await early).toEqual(await tiers.standings(offers));
  expect(await tiers.standings(offers)).toEqual(
    new Map([
      [offer.peer, 'proven'],
      [bare.peer, 'refuted'],
    ]),
  );
  tiers.notePayments(undefined);
  expect(await tiers.standings([bare])).toEqual(new Map());
});

test('where nothing can be looked up the tier is refused by name, before anybody is asked', async () => {
  const { tiers, refusal, state, clock } = scene();
  const waiting = refusal();
  await clock.advance(10_000);
  expect(await waiting).toBe('tier-unchecked');
  tiers.notePayments(undefined);
  expect(await refusal()).toBe('tier-unchecked');
  tiers.notePayments(payments);
  state.audits = 'down';
  expect(await refusal()).toBe('audits-unread');
  state.audits = { followed: false, workers: [] };
  expect(await refusal()).toBe('tier-unchecked');
  expect(state.opened).toEqual([]);
  expect(await tiers.require('open')).toBeUndefined();
});

test('a question that is stopped does not wait for the relay', async () => {
  const { tiers } = scene();
  const stop = new AbortController();
  const waiting = tiers.require('verified', { signal: stop.signal });
  stop.abort();
  await expect(waiting).rejects.toThrow();
});

test('counts are read anew after half a minute, and what could not be read again proves nobody', async () => {
  const { tiers, state, clock, proves } = scene();
  tiers.notePayments(payments);
  await tiers.prepare([offer], 'verified');
  await tiers.prepare([offer], 'verified');
  expect([state.reads, proves()]).toEqual([1, true]);
  await clock.advance(30_000);
  state.audits = { followed: true, workers: [{ ...counted, convictions: 1 }] };
  await tiers.prepare([offer], 'verified');
  expect([state.reads, proves(), tiers.isConvicted(offer.peer)]).toEqual([2, false, true]);
  state.audits = { followed: true, workers: [counted] };
  await clock.advance(30_000);
  await tiers.prepare([offer], 'verified');
  expect(proves()).toBe(true);
  state.audits = 'down';
  await clock.advance(90_000);
  await tiers.prepare([offer], 'verified');
  expect(proves()).toBe(false);
});

test('another chain is looked at anew', async () => {
  const { tiers, state, proves } = scene();
  tiers.notePayments(payments);
  await tiers.prepare([offer], 'verified');
  tiers.notePayments({ ...payments });
  expect(proves()).toBe(true);
  tiers.notePayments({ ...payments, chain: 8_453 });
  expect(proves()).toBe(false);
  await tiers.prepare([offer], 'verified');
  expect(state.opened).toEqual([31_337, 8_453]);
});
