import { expect, test } from 'vitest';
import { offerView } from '../network/offer.fixture.ts';
import { medianPrice } from './median-price.ts';

const offers = [
  offerView('A', [{ name: 'm', out: '900' }]),
  offerView('B', [{ name: 'm', out: '10000000000000000000000' }]),
  offerView('C', [{ name: 'm', out: '5' }]),
  offerView('D', [{ name: 'n', out: '7' }]),
  offerView('E', [{ name: 'm' }]),
  offerView('F', [{ name: 'm', out: '1' }], { self: true }),
  offerView('G', [{ name: 'm', out: '1' }], { draining: true }),
];

test('the median of what others ask for the model, exactly, and by how many', () => {
  expect(medianPrice(offers, 'm')).toEqual({ price: { in: '0', out: '900' }, count: 3 });
  expect(medianPrice(offers, undefined)).toEqual({ price: { in: '0', out: '7' }, count: 4 });
});

test('free offers, one’s own and those of peers that leave are no price', () => {
  expect(medianPrice(offers.slice(4), undefined)).toBeUndefined();
  expect(medianPrice(offers, 'other')).toBeUndefined();
});
