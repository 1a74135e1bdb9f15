import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { payError } from '#lib/pay/errors.ts';
import type { Payment, Purse } from '#lib/pay/ports.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { createAllowances } from './allowances.ts';
import type { SpendBook } from './ledger/spends.ts';

const payout = {
  chain: 31_337,
  provider: `0x${'1'.repeat(40)}`,
  providerSigner: `0x${'1'.repeat(40)}`,
  delay: 86_400,
  depositMin: '0',
} as const;
const channelId = `0x${'c'.repeat(64)}` as const;

/** Allowances over a purse and a book that write down what they are asked, in order. */
function scene() {
  const steps: string[] = [];
  const clock = manualClock();
  const failing: { open?: Error; promise?: Error; book?: Error } = {};
  let answer: PromiseWithResolvers<void> | undefined;
  const purse: Purse = {
    async open(_payout, { id, budget }) {
      if (failing.open) throw failing.open;
      steps.push(`open ${id} ${budget}`);
      let promised = 0n;
      const payment: Payment = {
        chain: 31_337,
        terms: {} as Payment['terms'],
        channelId,
        promised: () => promised,
        async promise(total) {
          await answer?.promise;
          if (failing.promise) throw failing.promise;
          promised = total;
          return { channelId, cumulativeAmount: total, signature: '0x' };
        },
        end: () => void steps.push(`end ${id}`),
      };
      return payment;
    },
  };
  const book: SpendBook = {
    async begin({ id, account, most, isCanary }) {
      if (failing.book) throw failing.book;
      steps.push(`begin ${id} ${account.slice(0, 18)} ${most}${isCanary ? ' canary' : ''}`);
    },
    async end(id, units) {
      if (failing.book) throw failing.book;
      steps.push(`book ${id} ${units}`);
    },
    recover: async () => 0,
    canaryRoom: async () => 0n,
  };
  const allowances = createAllowances({ purse, book, creditsPerUnit: 100n, clock, logger: silentLogger });
  return {
    steps,
    clock,
    failing,
    allowances,
    open: (id: string, budget: bigint) => allowances.purse.open(payout, { id, peer: 'p', budget, tier: 'open' }),
    hold: () => (answer = Promise.withResolvers<void>()),
  };
}

test('a canary is booked as one, and one that the levy has nothing left for pays nobody', async () => {
  const { allowances, open, steps, failing } = scene();
  allowances.allow(['canary'], 10n, 'canary');
  (await open('canary', 4n)).end();
  expect(steps[1]).toMatch(/^begin canary\/spend\/0 .* 400 canary$/);
  failing.book = wireError('budget');
  await expect(open('canary', 4n)).rejects.toMatchObject({ code: 'budget' });
  expect(steps.at(-1)).toBe('end canary');
});

test('a job that nobody allowed opens no purse', async () => {
  const { open, steps, allowances } = scene();
  await expect(open('stranger', 1n)).rejects.toMatchObject({ code: 'payment-required' });
  const allowance = allowances.allow(['job'], 10n);
  allowance.end();
  await expect(open('job', 1n)).rejects.toMatchObject({ code: 'payment-required' });
  expect(steps).toEqual([]);
});

test('a payment is in the books before it promises anything, and booked with what it came to', async () => {
  const { open, steps, allowances } = scene();
  allowances.allow(['job'], 10n);
  const payment = await open('job', 10n);
  expect(steps).toEqual(['open job 10', 'begin job/spend/0 channel 31337/0xcc 1000']);
  await payment.promise(3n);
  await payment.promise(7n);
  payment.end();
  payment.end();
  await allowances.stop();
  expect(steps.slice(2)).toEqual(['end job', 'book job/spend/0 700']);
});

test('all models and workers of a job share what it may cost', async () => {
  const { open, allowances } = scene();
  const allowance = allowances.allow(['first', 'second'], 10n);
  await expect(open('first', 11n)).rejects.toMatchObject({ code: 'budget' });
  const one = await open('first', 10n);
  await expect(open('second', 1n)).rejects.toMatchObject({ code: 'budget' });
  await one.promise(4n);
  one.end();
  expect(allowance.left).toBe(6n);
  const other = await open('second', 6n);
  await other.promise(6n);
  other.end();
  expect(allowance.left).toBe(0n);
});

test('a promise that failed may have been stored, and is not there to be spent again', async () => {
  const { open, failing, allowances, steps } = scene();
  const allowance = allowances.allow(['job'], 10n);
  const payment = await open('job', 10n);
  failing.promise = payError('chain-unavailable');
  await expect(payment.promise(4n)).rejects.toMatchObject({ code: 'chain-unavailable' });
  payment.end();
  expect(allowance.left).toBe(6n);
  await allowances.stop();
  expect(steps.at(-1)).toBe('book job/spend/0 0');
});

test('a promise under way at the end counts', async () => {
  const { open, hold, allowances, steps } = scene();
  allowances.allow(['job'], 10n);
  const payment = await open('job', 10n);
  const answer = hold();
  const made = payment.promise(4n);
  payment.end();
  expect(steps.at(-1)).toBe('end job');
  answer.resolve();
  await made;
  await allowances.stop();
  expect(steps.at(-1)).toBe('book job/spend/0 400');
});

test('what cannot be booked is booked later, and no payment is made without a book', async () => {
  const { open, failing, clock, allowances, steps } = scene();
  const allowance = allowances.allow(['job'], 10n);
  const payment = await open('job', 5n);
  await payment.promise(5n);
  failing.book = new Error('disk full');
  payment.end();
  await expect(open('job', 5n)).rejects.toThrow('disk full');
  expect(allowance.left).toBe(5n);
  expect(steps.filter((step) => step.startsWith('book'))).toEqual([]);
  delete failing.book;
  await clock.advance(1_000);
  expect(steps.at(-1)).toBe('book job/spend/0 500');
});

test.each(['deposit-limit', 'insufficient-funds', 'session-expired', 'transaction-stuck'] as const)(
  'a purse that says %s is a relay that cannot pay',
  async (code) => {
    const { open, failing, allowances } = scene();
    const allowance = allowances.allow(['job'], 10n);
    failing.open = payError(code);
    await expect(open('job', 5n)).rejects.toMatchObject({ code: 'spending-unavailable', details: { reason: code } });
    expect(allowance.left).toBe(10n);
  },
);
