import { describe, expect, test } from 'vitest';
import type { ApiKey } from './api-key.ts';
import type { Caller } from './gateway/caller.ts';
import { createSpending, type JobAllowanceInit } from './job-allowance.ts';

const env: JobAllowanceInit['env'] = {
  SPEND_KEY: `0x${'11'.repeat(32)}`,
  SPEND_CHAIN: 31_337,
  SPEND_JOB_MAX: 250_000n,
  SPEND_DEPOSITS_MAX: 20_000_000n,
  SPEND_PROVIDER_MAX: 5_000_000n,
  SPEND_IN: 1_000_000n,
  SPEND_OUT: 4_000_000n,
  SPEND_MARGIN: 10,
  SPEND_OWNER: 'no',
  AUDIT_SUBSIDY: 0n,
  // Half a dollar and two dollars, in micro-credits.
  PRICE_IN: 50_000_000n,
  PRICE_OUT: 200_000_000n,
};
const key = (more: Partial<ApiKey>): Caller => ({
  type: 'key',
  key: { id: 'k', type: 'secret', owner: undefined, caps: {}, ...more } as ApiKey,
  address: undefined,
});
const callers = {
  machine: { type: 'local' },
  stranger: { type: 'stranger', address: '198.51.100.7' },
  operator: key({}),
  page: key({ type: 'publishable' }),
  wallet: key({ owner: '0xaa' }),
} satisfies Record<string, Caller>;

function scene(more: Partial<JobAllowanceInit['env']> = {}, cost: JobAllowanceInit['cost'] = () => 1_000_000n) {
  const allowed: bigint[] = [];
  const spending = createSpending({
    env: { ...env, ...more },
    cost,
    spender: {
      creditsPerUnit: 100n,
      allow(_ids, units) {
        allowed.push(units);
        return { left: units, end: () => undefined };
      },
    },
  });
  const terms = (caller: Caller, payer?: string) =>
    spending.allow({ ids: ['job'], caller, payer, most: { tokensIn: 1, tokensOut: 1 } })?.terms();
  return { terms, allowed };
}

describe('who pays nothing makes nothing cost anything', () => {
  test.each(['machine', 'stranger', 'operator', 'page'] as const)('%s', (name) => {
    const { terms, allowed } = scene();
    expect(terms(callers[name])).toBeUndefined();
    expect(allowed).toEqual([]);
  });

  test('nor a wallet where jobs are free', () => {
    const free = createSpending({
      env,
      cost: undefined,
      spender: { creditsPerUnit: 100n, allow: () => expect.fail() },
    });
    expect(free.allow({ ids: ['job'], caller: callers.wallet, most: { tokensIn: 1, tokensOut: 1 } })).toBeUndefined();
  });
});

test('providers get what a caller pays, less the margin, at prices that leave it', () => {
  const { terms } = scene();
  // A credit is ten thousand units.
  const expected = { budget: '9000', priceMax: { in: '450000', out: '1800000' } };
  expect(terms(callers.wallet)).toEqual(expected);
  expect(terms(callers.stranger, '0xbb')).toEqual(expected);
});

test('never more than the operator allows, nor at higher prices', () => {
  const { terms } = scene({ SPEND_JOB_MAX: 5_000n, SPEND_OUT: 1_000_000n });
  expect(terms(callers.wallet)).toEqual({ budget: '5000', priceMax: { in: '450000', out: '1000000' } });
});

test('the owner may spend where he says so, and nobody else of his pages', () => {
  const { terms } = scene({ SPEND_OWNER: 'yes' });
  const own = { budget: '250000', priceMax: { in: '1000000', out: '4000000' } };
  expect([terms(callers.machine), terms(callers.operator)]).toEqual([own, own]);
  expect([terms(callers.page), terms(callers.stranger)]).toEqual([undefined, undefined]);
});

test('a hold of less than a unit, a margin of everything, and an end of spending allow nothing', () => {
  expect(scene({}, () => 111n).terms(callers.wallet)).toBeUndefined();
  expect(scene({ SPEND_MARGIN: 100 }).terms(callers.wallet)).toBeUndefined();
  expect(scene({ SPEND_JOB_MAX: 0n, SPEND_OWNER: 'yes' }).terms(callers.machine)).toBeUndefined();
});
