import { expect, test } from 'vitest';
import { comparePrices, directoryRows, priceText } from './directory-rows.ts';
import { offerView } from './offer.fixture.ts';

const offers = [
  offerView('A', [{ name: 'm', decodeTps: 10, out: '9007199254740993', running: 1 }]),
  offerView('B', [{ name: 'z', decodeTps: 90, out: '9007199254740992' }], { self: true }),
  offerView('C', [{ name: 'a', running: 1, slots: 4 }]),
];
const order = (sort: Parameters<typeof directoryRows>[2]) =>
  directoryRows(offers, [], sort).map(({ view }) => view.offer.peer);

test('sorted by speed, unmeasured last', () => expect(order('speed')).toEqual(['B', 'A', 'C']));
test('sorted by price, exact past 2^53', () => expect(order('price')).toEqual(['C', 'B', 'A']));
test('sorted by load per slot', () => expect(order('queue')).toEqual(['B', 'C', 'A']));
test('sorted by model', () => expect(order('model')).toEqual(['C', 'A', 'B']));

test('the path is the connection’s, this device for oneself, and otherwise unknown', () => {
  const rows = directoryRows(
    offers,
    [{ peer: 'A', path: 'relayed', transport: 'circuit', direction: 'outbound' }],
    'model',
  );
  expect(Object.fromEntries(rows.map(({ view, path }) => [view.offer.peer, path]))).toEqual({
    A: 'relayed',
    B: 'loopback',
    C: undefined,
  });
});

test('a price is shown in dollars for a million tokens, and zero as free', () => {
  expect(priceText({ in: '0', out: '0' })).toBe('free');
  expect(priceText({ in: '150000', out: '2000000' })).toBe('$0.15 / $2.00');
});

test('the cheaper price comes first, exact past 2^53', () => {
  const prices = [
    { in: '9007199254740993', out: '0' },
    { in: '0', out: '9007199254740992' },
  ].sort(comparePrices);
  expect(prices[0]!.out).toBe('9007199254740992');
});
