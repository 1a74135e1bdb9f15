import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  admit,
  askFor,
  askForInput,
  askingInterval,
  chargedOf,
  credit,
  isOver,
  isSettled,
  isStarved,
  noteLag,
  openAccount,
} from './worker-account.ts';

const price = { in: '1000000', out: '2000000' };
const account = (tokensIn = 5_000, budget = 100_000n) => openAccount({ price, budget, tokensIn });

test('the input is asked for in steps, each once the one before it is paid', () => {
  let now = account();
  expect(chargedOf(now)).toEqual({ tokensIn: 5_000 });
  const dues: bigint[] = [];
  for (now = askForInput(now); !isSettled(now); now = askForInput(credit(now, now.due))) dues.push(now.due);
  expect(dues).toEqual([2_048n, 4_096n, 5_000n]);
  expect(chargedOf(now)).toEqual({ tokensIn: 5_000, due: '5000', paid: '5000' });
  expect(askForInput(now)).toBe(now);
});

test('input that costs nothing, or was paid before, is not asked for', () => {
  expect(isSettled(askForInput(openAccount({ price: { in: '0', out: '1' }, budget: 1n, tokensIn: 9 })))).toBe(true);
});

test('a stage that is asked anew counts from what was credited before', () => {
  let now = askForInput(admit(account(10, 40n), 7n));
  expect([now.due, isSettled(now)]).toEqual([17n, false]);
  expect(chargedOf(now)).toEqual({ tokensIn: 10, due: '17', paid: '7' });
  now = credit(now, 17n);
  expect([63, 64].map((tokens) => isStarved(now, tokens))).toEqual([false, true]);
  expect(askFor(now, 1_000).due).toBe(47n);
});

test('a chunk may be unpaid, a token more may not', () => {
  const paid = credit(account(), 5_000n);
  expect([63, 64].map((tokens) => isStarved(paid, tokens))).toEqual([false, true]);
  const half = credit(paid, 5_064n);
  expect([95, 96].map((tokens) => isStarved(half, tokens))).toEqual([false, true]);
});

test('what is owed never falls and never passes the budget, whatever an engine counts', () => {
  const begun = askFor(account(10, 40n), 5);
  expect(begun.due).toBe(20n);
  expect(askFor(begun, 5, 3).due).toBe(20n);
  expect(askFor(begun, 8, 3).due).toBe(20n);
  expect(askFor(begun, 9, 3).due).toBe(21n);
  expect(askFor(begun, 9, 300).due).toBe(28n);
  expect(askFor(begun, 1_000).due).toBe(40n);
  expect([15, 16].map((tokens) => isOver(begun, tokens))).toEqual([false, true]);
});

test('a worker asks less often where payments come soon, and at once more often where one is late', () => {
  let now = account();
  const intervals = [askingInterval(now)];
  for (const lag of [0, 1, 0, 2, 0, 0, 9, 9, 40, 3]) {
    now = noteLag(now, lag);
    intervals.push(askingInterval(now));
  }
  expect(intervals).toEqual([32, 48, 54, 56, 56, 56, 56, 46, 46, 32, 44]);
  expect(askingInterval(noteLag(askFor(now, 500), 0))).toBe(32);
});

test('asked as seldom as may be, a payment that takes twice as long as lately stops no engine', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(200), { maxLength: 20 }), (lags) => {
      let now = credit(account(), 5_000n);
      for (const lag of lags) now = noteLag(now, lag);
      const last = askingInterval(now);
      expect(last >= 32 && last <= 56).toBe(true);
      expect(isStarved(now, last + 2 * Math.min(now.lagTokens, 16) - 1)).toBe(false);
    }),
    { seed: 5 },
  );
});

test('a late credit takes nothing back, at any prices', () => {
  const money = fc.bigInt(0n, 10n ** 6n);
  const prices = fc.record({ in: money.map(String), out: money.map(String) });
  fc.assert(
    fc.property(prices, fc.nat(9_000), fc.array(fc.bigInt(0n, 10n ** 6n)), (at, tokensIn, totals) => {
      let now = openAccount({ price: at, budget: 10n ** 6n, tokensIn });
      for (const total of totals) {
        const before = now.paid;
        now = credit(now, total);
        expect(now.paid >= before && now.paid >= total).toBe(true);
      }
    }),
    { seed: 3 },
  );
});
