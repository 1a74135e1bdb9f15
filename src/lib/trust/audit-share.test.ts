import { expect, test } from 'vitest';
import { auditShareOf, auditShares, lookShareOf, pickableShare } from './audit-share.ts';

const at = (audited: number, convictions = 0, floor: number = auditShares.floor) =>
  auditShareOf({ audited, convictions }, floor);

test('a newcomer is audited at a quarter, which halves with the answers that passed, down to the floor', () => {
  expect(auditShareOf(undefined, auditShares.floor)).toBe(250_000);
  expect([0, 49, 50, 74, 75, 87, 88, 93, 94, 10_000].map((audited) => at(audited))).toEqual([
    250_000, 250_000, 125_000, 125_000, 62_500, 62_500, 31_250, 31_250, 20_000, 20_000,
  ]);
});

test('whoever is convicted begins again, and a network that audits more than that audits all alike', () => {
  expect(at(10_000, 1)).toBe(250_000);
  expect([at(0, 0, 500_000), at(10_000, 0, 500_000), pickableShare(500_000)]).toEqual([500_000, 500_000, 500_000]);
  expect(at(10_000, 0, 0)).toBe(1);
});

test('one answer in doubt makes a newcomer of its worker again, whatever passed before', () => {
  const since = (sinceDoubt: number) =>
    auditShareOf({ audited: 10_000, convictions: 0, sinceDoubt }, auditShares.floor);
  expect([0, 49, 50, 94].map(since)).toEqual([250_000, 250_000, 125_000, 20_000]);
});

test('where nothing is to be won by an audit, all that may be accused is looked into', () => {
  const known = { audited: 10_000, convictions: 0 };
  expect(lookShareOf('both', known, auditShares.floor)).toBe(20_000);
  expect(lookShareOf('against', known, auditShares.floor)).toBe(250_000);
});
