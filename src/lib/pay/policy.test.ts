import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ChannelState } from './channel.ts';
import { batchMax } from './claims.ts';
import { addressOf, startSeconds as now, testTerms } from './pay.fixture.ts';
import {
  batchGas,
  claimPolicyDefault,
  exposureOf,
  gasInUnits,
  planClaims,
  serveRefusal,
  type ChannelView,
  type ClaimPolicy,
  type GasTerms,
} from './policy.ts';
import type { ChannelTerms } from './spec.ts';
import { channelIdOf } from './terms.ts';

/** One unit of gas costs a hundredth of a unit: a channel's claim 220 units, the batch itself 670. */
const gas: GasTerms = { gasPriceWei: 1n, rate: { units: 1n, wei: 100n } };
const policy: ClaimPolicy = { ...claimPolicyDefault, perPayerMax: 1_000_000n, gasShareBpsMax: 1_000n };
const context = { policy, gas, now };

let salts = 0;
function view(state: Partial<ChannelState>, terms: Partial<ChannelTerms> = {}): ChannelView {
  const own = testTerms(++salts, { payer: addressOf(100 + salts), ...terms });
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
      ...state,
    },
  };
}

const planned = (views: readonly ChannelView[]) => planClaims(views, context).flat();

describe('claims', () => {
  test('wait until the gas is a small share of them, and then go together', () => {
    // 890 units of gas for one channel, at most a tenth of the sum.
    expect(planned([view({ promised: 8_899n })])).toEqual([]);
    const ripe = view({ promised: 8_900n });
    expect(planned([ripe])).toEqual([{ id: ripe.id, reason: 'worth-the-gas', amount: 8_900n }]);
    // 1,110 for two: what neither is worth alone, both are.
    const two = [view({ promised: 5_550n }), view({ promised: 5_550n })];
    expect(planned(two)).toHaveLength(2);
  });

  test('leave those behind that do not pay for themselves', () => {
    const small = view({ promised: 2_199n });
    const large = view({ promised: 100_000n });
    expect(planned([small, large]).map(({ id }) => id)).toEqual([large.id]);
  });

  test('go at once when a withdrawal is announced, however small, and take ripe ones along', () => {
    const leaving = view({ promised: 700n, phase: 'withdrawing', withdrawableAt: now + 86_400 });
    const company = view({ promised: 2_200n });
    expect(planned([leaving, company])).toEqual(
      expect.arrayContaining([
        { id: leaving.id, reason: 'withdrawal-announced', amount: 700n },
        { id: company.id, reason: 'worth-the-gas', amount: 2_200n },
      ]),
    );
  });

  test('are never made at a loss', () => {
    expect(planned([view({ promised: 890n, phase: 'withdrawing', withdrawableAt: now + 1 })])).toEqual([]);
    expect(planned([view({ promised: 891n, phase: 'withdrawing', withdrawableAt: now + 1 })])).toHaveLength(1);
  });

  test('of a job go before its deadline, and not after', () => {
    const job = (deadline: number) => view({ promised: 1_000n }, { delay: 0, deadline });
    expect(planned([job(now + policy.deadlineMarginSeconds + 1)])).toEqual([]);
    expect(planned([job(now + policy.deadlineMarginSeconds)])[0]).toMatchObject({ reason: 'deadline-near' });
    expect(planned([job(now)])).toHaveLength(1);
    expect(planned([job(now - 1)])).toEqual([]);
  });

  test('go when a payer owes too much over all its channels', () => {
    const payer = addressOf(1);
    const strict = { ...context, policy: { ...policy, perPayerMax: 4_000n } };
    const two = [view({ promised: 2_000n }, { payer }), view({ promised: 2_000n }, { payer })];
    expect(planClaims(two, strict).flat()).toMatchObject([{ reason: 'exposure' }, { reason: 'exposure' }]);
    expect(planClaims([two[0]!, view({ promised: 1_999n }, { payer })], strict)).toEqual([]);
  });

  test('of ended and unopened channels, and of what is claimed already, do not exist', () => {
    const nothing = [
      view({ promised: 100_000n, phase: 'closed' }),
      view({ promised: 100_000n, phase: 'unopened' }),
      view({ promised: 100_000n, claimed: 100_000n }),
      view({}),
    ];
    expect(planned(nothing)).toEqual([]);
  });

  test('come in batches that a transaction can hold, one payee after the other', () => {
    const views = Array.from({ length: batchMax + 5 }, (_, i) =>
      view({ promised: 50_000n }, { provider: addressOf(i % 2 === 0 ? 3 : 5) }),
    );
    const batches = planClaims(views, context);
    expect(batches.map(({ length }) => length)).toEqual([batchMax, 5]);
    const providers = batches.flat().map(({ id }) => views.find((each) => each.id === id)!.terms.provider);
    expect(providers.filter((provider, i) => provider !== providers[i - 1])).toHaveLength(2);
  });
});

test('a plan brings more than it costs, and never names a channel twice', () => {
  const someView = fc
    .record({
      promised: fc.bigInt(0n, 20_000n),
      claimed: fc.bigInt(0n, 20_000n),
      phase: fc.constantFrom('open' as const, 'withdrawing' as const, 'closed' as const, 'unopened' as const),
    })
    .map((state) => view(state));
  fc.assert(
    fc.property(fc.array(someView, { maxLength: 12 }), fc.bigInt(1n, 500n), (views, gasPriceWei) => {
      const terms = { ...gas, gasPriceWei };
      const plan = planClaims(views, { policy, gas: terms, now }).flat();
      expect(new Set(plan.map(({ id }) => id)).size).toBe(plan.length);
      const brought = plan.reduce((sum, { amount }) => sum + amount, 0n);
      const cost = gasInUnits(batchGas.base + batchGas.channel * BigInt(plan.length), terms);
      expect(plan.length === 0 || brought > cost).toBe(true);
    }),
    { numRuns: 200, seed: 5 },
  );
});

test('gas is priced exactly, rounded up', () => {
  expect(gasInUnits(3n, { gasPriceWei: 1n, rate: { units: 1n, wei: 2n } })).toBe(2n);
  expect(gasInUnits(0n, gas)).toBe(0n);
  // 22,000 gas at 1 gwei with a coin at 4,000.00 units of 6 decimals: 0.088.
  expect(gasInUnits(22_000n, { gasPriceWei: 10n ** 9n, rate: { units: 4_000_000_000n, wei: 10n ** 18n } })).toBe(
    88_000n,
  );
});

describe('serving stops', () => {
  const payer = addressOf(1);
  const fine = view({ promised: 10n }, { payer });
  test.each([
    ['when the channel is not known', view({ phase: 'unopened' }), 'channel-missing'],
    ['when it has ended', view({ phase: 'closed' }), 'channel-closed'],
    ['when a withdrawal is announced', view({ phase: 'withdrawing', withdrawableAt: now }), 'withdrawal-pending'],
    ['when the job has run out', view({ expired: true }, { delay: 0, deadline: now }), 'deadline-passed'],
    ['when too much is unclaimed', view({ promised: 1_000_000n }), 'exposure-too-large'],
  ] as const)('%s', (_, channel, code) => {
    expect(serveRefusal(channel.id, [channel], policy)).toBe(code);
  });
  test('and not otherwise', () => {
    expect(serveRefusal(fine.id, [fine], policy)).toBeNull();
    expect(exposureOf([fine, view({ promised: 30n, claimed: 10n }, { payer })])).toBe(30n);
    expect(serveRefusal(fine.id, [fine, view({ promised: 999_990n }, { payer })], policy)).toBe('exposure-too-large');
    expect(serveRefusal(fine.id, [], policy)).toBe('channel-missing');
  });
});
