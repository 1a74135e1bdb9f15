import { expect, test } from 'vitest';
import { complaintsOf, type BalanceSheet } from './sheet.ts';

const even: BalanceSheet = {
  deposits: 100n,
  paid: 60n,
  refunded: 30n,
  held: 10n,
  inContract: 15n,
  credited: 5n,
  received: new Map(),
};

test('a sheet that is even says nothing', () => {
  expect(complaintsOf(even)).toEqual([]);
});

test.each([
  ['paid', { paid: 59n }],
  ['refunded', { refunded: 31n }],
  ['held', { held: 9n, inContract: 14n }],
  ['the deposits', { deposits: 101n }],
])('a unit that is missing from %s is told', (_, change) => {
  expect(complaintsOf({ ...even, ...change })).toHaveLength(1);
});

test('a contract that has less than it holds and has credited is told', () => {
  expect(complaintsOf({ ...even, inContract: 14n })).toEqual(['the contract has 14; held and credited are 15']);
});
