import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { keyTermsSchema, type ApiKey } from '../api-key.ts';
import type { Caller } from './caller.ts';
import { createPlaces } from './places.ts';

const local: Caller = { type: 'local' };
const stranger = (number: number): Caller => ({ type: 'stranger', address: `192.0.${number}.1` });
const keyed = (id: string): Caller => {
  const key: ApiKey = { ...keyTermsSchema.parse({}), id, owner: undefined, createdAt: 0, revokedAt: undefined };
  return { type: 'key', key, address: undefined };
};
const scene = (more: object = {}) =>
  createPlaces({ clock: manualClock(), placesMax: 16, perAddressMax: 8, perKeyMax: 8, ...more });
/** How many are admitted before the first refusal, and that. */
const fill = (
  places: ReturnType<typeof scene>,
  of: (number: number) => Caller,
  endUser?: (number: number) => string,
) => {
  for (let taken = 0; ; taken++) {
    const place = places.admit(of(taken), endUser?.(taken));
    if (typeof place === 'string') return [taken, place];
  }
};

test('strangers leave room for keys, and keys for strangers; the machine itself takes what is free', () => {
  const strangers = scene();
  expect(fill(strangers, stranger)).toEqual([12, 'full']);
  expect(fill(strangers, (number) => keyed(`${number}`))).toEqual([4, 'full']);
  const keys = scene();
  expect(fill(keys, (number) => keyed(`${number}`))).toEqual([14, 'full']);
  expect(fill(keys, stranger)).toEqual([2, 'full']);
  expect(fill(scene(), () => local)).toEqual([16, 'full']);
});

test('an address and a key have their own shares, and give them back', () => {
  const places = scene({ placesMax: 100 });
  expect(fill(places, () => stranger(1))).toEqual([8, 'share-full']);
  expect(fill(places, () => keyed('a'))).toEqual([8, 'share-full']);
  const place = places.admit(keyed('b'), undefined);
  expect(fill(places, () => keyed('b'))).toEqual([7, 'share-full']);
  if (typeof place === 'string') throw new Error(place);
  place.release();
  place.release();
  expect(fill(places, () => keyed('b'))).toEqual([1, 'share-full']);
});

test('one end user of a key leaves room for another', () => {
  const places = scene({ placesMax: 100 });
  const one = () => 'one';
  expect(fill(places, () => keyed('a'), one)).toEqual([4, 'share-full']);
  expect(
    fill(
      places,
      () => keyed('a'),
      () => 'two',
    ),
  ).toEqual([3, 'share-full']);
  expect(
    fill(
      places,
      () => keyed('a'),
      () => 'three',
    ),
  ).toEqual([1, 'share-full']);
  expect(
    fill(places, () => keyed('b'), one),
    'under another key',
  ).toEqual([4, 'share-full']);
});
