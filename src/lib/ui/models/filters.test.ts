import { expect, test } from 'vitest';
import { offerView } from '../network/offer.fixture.ts';
import {
  filtersQuery,
  linkedModel,
  matches,
  noFilters,
  readFilters,
  servedOf,
  type Filters,
  type Served,
} from './filters.ts';
import { modelView } from './model-view.fixture.ts';

const model = modelView({ title: 'Small', domains: ['chat', 'code'], languages: ['en', 'de'] });
const served: Served = { peers: 2, tps: 21, price: 1_000_000n };
const nobody: Served = { peers: 0, tps: 0, price: undefined };
const shown = (filters: Partial<Filters>, of = model, by = served) => matches(of, by, { ...noFilters, ...filters });

test('filters survive the address they are written to', () => {
  const filters = { ...noFilters, q: 'a & b', language: 'de', size: '2', price: 'free', show: 'fits' };
  expect(readFilters(new URLSearchParams(filtersQuery(filters)))).toEqual(filters);
  expect(filtersQuery(noFilters)).toBe('');
});

test('an address that means nothing filters nothing', () => {
  expect(readFilters(new URLSearchParams('size=3&speed=x&price=-1&show=__proto__&other=1'))).toEqual(noFilters);
  expect(readFilters(new URLSearchParams({ q: 'x'.repeat(1_000) })).q).toHaveLength(100);
});

test.each<[Partial<Filters>, boolean]>([
  [{}, true],
  [{ q: ' small  q4 ' }, true],
  [{ q: 'small large' }, false],
  [{ q: 'mit' }, true],
  [{ domain: 'code' }, true],
  [{ domain: 'tools' }, false],
  [{ language: 'de' }, true],
  [{ language: 'fr' }, false],
  [{ size: '1' }, true],
  [{ speed: '20' }, true],
  [{ speed: '50' }, false],
  [{ price: '1' }, true],
  [{ price: 'free' }, false],
  [{ show: 'fits' }, true],
  [{ show: 'stored' }, false],
  [{ show: 'shared' }, true],
])('%j', (filters, expected) => expect(shown(filters)).toBe(expected));

test('what nobody shares has no price and no speed, so it is not cheap or fast', () => {
  expect(shown({ price: '10' }, model, nobody)).toBe(false);
  expect(shown({ price: 'free' }, model, nobody)).toBe(false);
  expect(shown({ speed: '5' }, model, nobody)).toBe(false);
  expect(shown({ show: 'shared' }, model, nobody)).toBe(false);
});

test('a model larger than the memory asked for is left out, and one here is among those stored', () => {
  expect(shown({ size: '1' }, modelView({ memoryBytes: 1e9 + 1 }))).toBe(false);
  expect(shown({ show: 'stored' }, modelView({ cachedBytes: 1 }))).toBe(true);
  expect(shown({ show: 'fits' }, modelView({ fit: { fits: false, reason: 'No GPU.' } }))).toBe(false);
});

test('the network has the fastest speed and the lowest price of a model, without this device', () => {
  const offers = [
    offerView('A', [{ name: 'm', decodeTps: 10, out: '9007199254740993' }]),
    offerView('B', [
      { name: 'm', out: '9007199254740992' },
      { name: 'other', decodeTps: 99 },
    ]),
    offerView('C', [{ name: 'm', decodeTps: 50, out: '0' }], { self: true }),
  ];
  expect(servedOf(offers, 'm')).toEqual({ peers: 2, tps: 10, price: 9007199254740992n });
  expect(servedOf(offers, 'none')).toEqual({ peers: 0, tps: 0, price: undefined });
});

test('a link to one build finds the build of this device', () => {
  const models = [modelView({ name: 'a-q4f32_1' }), modelView({ name: 'b-q4f32_1' }), modelView({ name: 'mine' })];
  expect(linkedModel(models, '#b-q4f16_1')?.name).toBe('b-q4f32_1');
  expect(linkedModel(models, '#b')?.name).toBe('b-q4f32_1');
  expect(linkedModel(models, '#mine')?.name).toBe('mine');
  expect(linkedModel(models, '#none')).toBeUndefined();
  expect(linkedModel(models, '')).toBeUndefined();
});
