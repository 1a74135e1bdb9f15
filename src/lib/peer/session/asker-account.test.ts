import { expect, test } from 'vitest';
import {
  claimInput,
  claimOutput,
  costOf,
  isPaidUp,
  nextPromise,
  openAskerAccount,
  promised,
  receiptTotals,
  type AskerAccount,
} from './asker-account.ts';

const terms = { chain: 1, price: { in: '1000000', out: '1000000' }, budget: 10_000n, inputMax: 5_000, base: 0n };
const open = (change: Partial<typeof terms> = {}) => openAskerAccount({ ...terms, ...change });
const voucher = Uint8Array.of(1);
const pay = (account: AskerAccount): AskerAccount => promised(account, nextPromise(account)!, voucher);
const input = (account: AskerAccount, tokensIn: number, due: bigint, paid?: string) =>
  claimInput(account, { tokensIn, due: due.toString(), paid });

test('input is owed as it is claimed, step by step, and no step is longer than agreed', () => {
  const first = input(open(), 5_000, 2_048n)!;
  expect(nextPromise(first)).toBe(2_048n);
  expect(input(open(), 5_000, 2_049n)).toBeUndefined();
  // Before it is paid there is no second step.
  expect(input(first, 5_000, 4_096n)).toBeUndefined();
  const second = input(pay(first), 5_000, 4_096n)!;
  expect(nextPromise(second)).toBe(4_096n);
  expect(nextPromise(input(pay(second), 5_000, 5_000n)!)).toBe(5_000n);
});

test('more input than the bytes can be, and a claim that changes, are refused', () => {
  expect(input(open(), 5_001, 1n)).toBeUndefined();
  expect(input(input(open(), 10, 0n)!, 11, 0n)).toBeUndefined();
  expect(input(open(), 10, 11n)).toBeUndefined();
});

test('output is owed by the smaller count, and a claim above what was sent is refused', () => {
  const begun = pay(input(open(), 10, 10n)!);
  const claim = (due: bigint, tokensOut: number, bytes: number) => claimOutput(begun, { due, tokensOut, bytes });
  expect(claim(43n, 32, 100)).toBeUndefined();
  expect(nextPromise(claim(42n, 32, 100)!)).toBe(42n);
  // The worker asks for less than it could.
  expect(nextPromise(claim(30n, 32, 100)!)).toBe(30n);
  // More tokens than bytes can have: only what they can have is paid.
  expect(nextPromise(claim(42n, 32, 4)!)).toBe(30n);
});

test('never above the budget, never less than before, one promise at a time', () => {
  const begun = pay(input(open({ budget: 20n }), 10, 10n)!);
  const over = claimOutput(begun, { due: 42n, tokensOut: 32, bytes: 100 })!;
  expect(nextPromise(over)).toBe(20n);
  expect(isPaidUp(over)).toBe(false);
  expect(nextPromise({ ...over, asking: 20n })).toBeUndefined();
  const full = pay(over);
  expect(nextPromise(claimOutput(full, { due: 60n, tokensOut: 64, bytes: 100 })!)).toBeUndefined();
  expect(nextPromise(claimOutput(full, { due: 12n, tokensOut: 64, bytes: 100 })!)).toBeUndefined();
  expect(isPaidUp(full)).toBe(false);
});

test('an attempt counts from where the purse was, and the worker from what it had credited', () => {
  const begun = input(open({ base: 100n, budget: 20n }), 10, 310n, '300')!;
  expect(nextPromise(begun)).toBe(10n);
  // To the purse in its own total, to the worker in the worker's.
  const paid = promised({ ...begun, asking: 10n }, 110n, voucher);
  expect([paid.promised, paid.last?.total, receiptTotals(paid)]).toEqual([10n, '310', ['300', '310']]);
  expect(costOf(paid)).toBe(10n);
  expect(nextPromise(claimOutput(paid, { due: 342n, tokensOut: 32, bytes: 99 })!)).toBe(20n);
  expect(claimOutput(paid, { due: 343n, tokensOut: 32, bytes: 99 })).toBeUndefined();
});

test('an answer from the record, which was paid for, costs nothing', () => {
  const again = input(open(), 10, 10n, '74')!;
  const whole = claimOutput(again, { due: 74n, tokensOut: 32, bytes: 99 })!;
  expect([nextPromise(again), nextPromise(whole), receiptTotals(whole)]).toEqual([undefined, undefined, ['74']]);
});

test('a receipt may be behind by what was on its way: a step of the input, then a chunk, and no more', () => {
  let now = pay(input(open(), 5_000, 2_048n)!);
  expect(receiptTotals(now)).toEqual(['0', '2048']);
  now = pay(input(now, 5_000, 4_096n)!);
  expect(receiptTotals(now)).toEqual(['2048', '4096']);
  now = pay(input(now, 5_000, 5_000n)!);
  const next = (tokensOut: number) => {
    now = pay(claimOutput(now, { due: 5_000n + BigInt(tokensOut), tokensOut, bytes: 9_999 })!);
    return receiptTotals(now);
  };
  expect(next(32)).toEqual(['5000', '5032']);
  expect(next(64)).toEqual(['5000', '5032', '5064']);
  expect(next(96)).toEqual(['5032', '5064', '5096']);
});

test('what a worker asks for without a claim for the input is not paid', () => {
  const silent = claimInput(open(), {})!;
  expect(nextPromise(claimOutput(silent, { due: 900n, tokensOut: 1, bytes: 1 })!)).toBeUndefined();
});

test('a promise in the hands of the purse counts as spent', () => {
  const begun = input(open(), 10, 10n)!;
  expect(costOf(begun)).toBe(0n);
  expect(costOf({ ...begun, asking: 10n })).toBe(10n);
  expect(isPaidUp(pay(begun))).toBe(true);
  expect(pay(begun)).toMatchObject({ promised: 10n, totals: [0n, 10n], last: { t: 'pay', total: '10' } });
});
