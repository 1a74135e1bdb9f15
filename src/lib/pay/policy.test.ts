import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ChannelState } from './channel.ts';
import { addressOfKey, startSeconds as now, testTerms } from './pay.fixture.ts';
import { batchCost, batchMax, providerPart, type GasTerms } from './cost.ts';
import {
  exposed,
  claimPolicyDefault,
  jobMarginSeconds,
  planClaims,
  serveRefusal,
  type ChannelView,
  type ClaimPolicy,
} from './policy.ts';
import type { ChannelTerms } from './spec.ts';
import { channelIdOf } from './terms.ts';

/** Gas costs a hundredth of a unit each: 220 units per channel and 670 per batch. */
const gas: GasTerms = {
  gasPriceWei: 1n,
  dataFeeWei: { base: 0n, channel: 0n },
  rate: { units: 1n, wei: 100n },
};
/** The promise that yields the provider these proceeds. */
const gross = (part: bigint) => (part * 10n + 7n) / 8n;
const policy: ClaimPolicy = { ...claimPolicyDefault, perPayerMax: 1_000_000n, gasShareBpsMax: 1_000n };
const context = { policy, gas, now };

let salts = 0;
function view(state: Partial<ChannelState>, terms: Partial<ChannelTerms> = {}): ChannelView {
  const own = testTerms(++salts, { payer: addressOfKey(100 + salts), ...terms });
  return {
    id: channelIdOf(own),
    terms: own,
    state: {
      mode: own.deadline === 0 ? 'session' : 'job',
      phase: 'open',
      balance: 10_000_000n,
      claimed: 0n,
      promised: 0n,
      withdrawableAt: null,
      expired: false,
      isDelivered: false,
      agreed: null,
      ...state,
    },
  };
}

const planned = (views: readonly ChannelView[]) => planClaims(views, context).flat();

describe('claims', () => {
  test('wait until gas is a small share of the provider’s proceeds, then go together', () => {
    // 890 units of gas for one channel, at most a tenth of the sum.
    expect(planned([view({ promised: gross(8_899n) })])).toEqual([]);
    const ripe = view({ promised: gross(8_900n) });
    expect(planned([ripe])).toEqual([{ id: ripe.id, reason: 'worth-the-gas', amount: gross(8_900n) }]);
    // 1,110 for two: what neither is worth alone, both are.
    const two = [view({ promised: gross(5_550n) }), view({ promised: gross(5_550n) })];
    expect(planned(two)).toHaveLength(2);
  });

  test('exclude those that do not pay for themselves', () => {
    const small = view({ promised: gross(2_199n) });
    const large = view({ promised: 100_000n });
    expect(planned([small, large]).map(({ id }) => id)).toEqual([large.id]);
  });

  test('go at once when a withdrawal is announced, however small, together with profitable ones', () => {
    const leaving = view({ promised: gross(700n), phase: 'withdrawing', withdrawableAt: now + 86_400 });
    const company = view({ promised: gross(2_200n) });
    expect(planned([leaving, company])).toEqual([
      { id: leaving.id, reason: 'withdrawal-announced', amount: gross(700n) },
      { id: company.id, reason: 'worth-the-gas', amount: gross(2_200n) },
    ]);
  });

  test('are not planned at a loss, counting the provider’s share and the data fee', () => {
    const leaving = (part: bigint) => view({ promised: gross(part), phase: 'withdrawing', withdrawableAt: now + 1 });
    expect(planned([leaving(890n)])).toEqual([]);
    expect(planned([leaving(891n)])).toHaveLength(1);
    // Data fee: 30 units per batch and 5 per channel.
    const dataFeeWei = { base: 3_000n, channel: 500n };
    const priced = { ...context, gas: { ...gas, dataFeeWei } };
    expect(planClaims([leaving(925n)], priced)).toEqual([]);
    expect(planClaims([leaving(926n)], priced)).toHaveLength(1);
  });

  test('pay for their own batch: one batch does not subsidise another', () => {
    const rich = Array.from({ length: batchMax }, () => view({ promised: 50_000n }));
    const poor = view({ promised: gross(300n), phase: 'withdrawing', withdrawableAt: now + 1 });
    const rest = view({ promised: gross(2_200n) });
    expect(planClaims([...rich, rest], context).map(({ length }) => length)).toEqual([batchMax]);
    // The urgent one shares a batch with large ones; one of those waits, since alone it is worth its own batch.
    const both = planClaims([...rich, poor], context);
    expect(both.map(({ length }) => length)).toEqual([batchMax, 1]);
    expect(both[0]!.map(({ id }) => id)).toContain(poor.id);
  });

  const job = (deadline: number, state: Partial<ChannelState> = {}) =>
    view({ promised: gross(1_000n), ...state }, { delay: 0, deadline });

  test('of a job wait until it is delivered or in its last seconds, because they end it', () => {
    // 5,000 of 1,000,000 so far, ten minutes before the deadline.
    expect(planned([job(now + 600, { promised: 5_000n, balance: 1_000_000n })])).toEqual([]);
    expect(planned([job(now + jobMarginSeconds + 1)])).toEqual([]);
    expect(planned([job(now + jobMarginSeconds)])[0]).toMatchObject({ reason: 'deadline-near' });
    expect(planned([job(now)])).toHaveLength(1);
    expect(planned([job(now - 1, { isDelivered: true })])).toEqual([]);
    // Neither alongside others nor because its payer owes much.
    const owing = job(now + 86_400, { promised: 2_000_000n });
    const leaving = view({ promised: gross(891n), phase: 'withdrawing', withdrawableAt: now + 1 });
    expect(planned([owing, leaving]).map(({ id }) => id)).toEqual([leaving.id]);
  });

  test('of a delivered job wait to share a batch, but not until its last seconds', () => {
    const delivered = (deadline: number) => job(deadline, { isDelivered: true });
    expect(planned([delivered(now + policy.deadlineMarginSeconds + 1)])).toEqual([]);
    expect(planned([delivered(now + policy.deadlineMarginSeconds)])[0]).toMatchObject({ reason: 'deadline-near' });
    expect(planned([job(now + 86_400, { promised: 100_000n, isDelivered: true })])).toHaveLength(1);
    expect(planned([job(now + 86_400, { promised: 100_000n, agreed: 100_000n })])).toHaveLength(1);
  });

  test('go when a payer owes too much across all channels', () => {
    const payer = addressOfKey(1);
    const strict = { ...context, policy: { ...policy, perPayerMax: 4_000n } };
    const two = [view({ promised: 2_000n }, { payer }), view({ promised: 2_000n }, { payer })] as const;
    expect(planClaims(two, strict).flat()).toMatchObject([{ reason: 'exposure' }, { reason: 'exposure' }]);
    expect(planClaims([two[0], view({ promised: 1_999n }, { payer })], strict)).toEqual([]);
  });

  test('exclude closed and unopened channels and amounts already claimed', () => {
    const nothing = [
      view({ promised: 100_000n, phase: 'closed' }),
      view({ promised: 100_000n, phase: 'unopened' }),
      view({ promised: 100_000n, claimed: 100_000n }),
      view({}),
    ];
    expect(planned(nothing)).toEqual([]);
  });

  test('are split into batches that fit a transaction, grouped by payee', () => {
    const views = Array.from({ length: batchMax + 5 }, (_, i) =>
      view({ promised: 50_000n }, { provider: addressOfKey(i % 2 === 0 ? 3 : 5) }),
    );
    const batches = planClaims(views, context);
    expect(batches.map(({ length }) => length)).toEqual([batchMax, 5]);
    const providers = batches.flat().map(({ id }) => views.find((each) => each.id === id)!.terms.provider);
    expect(providers.filter((provider, i) => provider !== providers[i - 1])).toHaveLength(2);
  });
});

test('each batch earns more than it costs, and no channel appears twice', () => {
  const someView = fc
    .record({
      promised: fc.bigInt(0n, 20_000n),
      claimed: fc.bigInt(0n, 20_000n),
      phase: fc.constantFrom('open' as const, 'withdrawing' as const, 'closed' as const, 'unopened' as const),
    })
    .map((state) => view(state));
  fc.assert(
    fc.property(
      fc.array(someView, { maxLength: 12 }),
      fc.integer({ min: 1, max: 60 }),
      fc.bigInt(1n, 500n),
      fc.bigInt(0n, 500_000n),
      (few, times, gasPriceWei, bytesWei) => {
        const terms = { ...gas, gasPriceWei, dataFeeWei: { base: bytesWei, channel: bytesWei / 4n } };
        // More than fit one transaction, without needing more distinct states.
        const views = Array.from({ length: times }, (_, round) =>
          few.map((each) => ({ ...each, id: `${each.id}${round}` as const })),
        ).flat();
        const plan = planClaims(views, { policy, gas: terms, now });
        const ids = plan.flat().map(({ id }) => id);
        expect(new Set(ids).size).toBe(ids.length);
        for (const batch of plan) {
          expect(batch.length <= batchMax).toBe(true);
          const brought = batch.reduce((sum, { amount }) => sum + providerPart(amount), 0n);
          expect(brought > batchCost(batch.length, terms)).toBe(true);
        }
      },
    ),
    { numRuns: 200, seed: 5 },
  );
});

describe('serving stops', () => {
  const limit = { ...policy, now };
  const fine = view({ promised: 10n });
  test.each([
    ['when the channel is unknown', view({ phase: 'unopened' }), 'channel-missing'],
    ['when it is closed', view({ phase: 'closed' }), 'channel-closed'],
    ['when a withdrawal is announced', view({ phase: 'withdrawing', withdrawableAt: now }), 'withdrawal-pending'],
    ['when the job has expired', view({ expired: true }, { delay: 0, deadline: now }), 'deadline-passed'],
    ['when a job may be claimed', view({}, { delay: 0, deadline: now + jobMarginSeconds }), 'deadline-passed'],
    ['when a job is delivered', view({ isDelivered: true }, { delay: 0, deadline: now + 600 }), 'closing'],
    ['when a closure is agreed', view({ agreed: 0n }), 'closing'],
    ['when too much is unclaimed', view({ promised: 1_000_000n }), 'exposure-too-large'],
  ] as const)('%s', (_, channel, code) => {
    expect(serveRefusal(channel, { ...limit, owed: channel.state.promised })).toBe(code);
  });
  test('and not otherwise', () => {
    expect(serveRefusal(fine, { ...limit, owed: policy.perPayerMax - 1n })).toBeNull();
    expect(serveRefusal(fine, { ...limit, owed: policy.perPayerMax })).toBe('exposure-too-large');
  });
  test('nor for a job, however much is set aside for it: its payer cannot take it back', () => {
    const dear = view({ promised: 5_000_000n }, { delay: 0, deadline: now + 3_600 });
    expect(exposed(dear)).toBe(0n);
    expect(exposed(view({ promised: 5_000_000n }))).toBe(5_000_000n);
    expect(serveRefusal(dear, { ...limit, owed: policy.perPayerMax })).toBeNull();
  });
});
