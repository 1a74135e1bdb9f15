import { expect, test } from 'vitest';
import { comparePrices, directoryRows, priceText, tiersText } from './directory-rows.ts';
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

test('each model is shown on what answers with it, and the offer’s own engine is that of the others', () => {
  const view = offerView('A', [{ name: 'small' }, { name: 'big' }]);
  const [small, big] = view.offer.models;
  const engine = { name: 'webllm', build: '1', deviceClass: 'webgpu-apple' };
  const offer = { ...view.offer, models: [small!, { ...big!, artefact: 'b'.repeat(64), engine }] };
  const rows = directoryRows([{ ...view, offer }], [], 'model');
  expect(rows.map(({ model, kind }) => [model.name, kind])).toEqual([
    ['big', 'browser tab (GPU)'],
    ['small', 'browser tab (CPU)'],
  ]);
});

test('a tier above the open one is shown as claimed, until it was looked up', () => {
  expect(tiersText({ tiers: ['open', 'verified'] }, 'proven')).toBe('open, verified');
  expect(tiersText({ tiers: ['open', 'verified'] }, 'refuted')).toBe('open, verified (not confirmed)');
  expect(tiersText({ tiers: ['open'] }, 'refuted')).toBe('open');
  expect(tiersText({ tiers: ['open'] })).toBe('open');
  expect(tiersText({ tiers: ['open', 'verified'] })).toBe('open, verified (not checked)');
  expect(tiersText({ tiers: ['verified'] })).toBe('verified (not checked)');
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
