import { expect, test } from 'vitest';
import type { BackendConfig } from '../native/bridge/backend-config.ts';
import { shareOf } from './division.ts';

const backend = (change: Partial<BackendConfig> = {}): BackendConfig => ({
  baseUrl: 'http://127.0.0.1:8000/v1/',
  flavour: 'detect',
  fetch: () => Promise.reject(new Error('nothing is asked')),
  allow: [],
  deny: [],
  aliases: {},
  embeddingModels: [],
  features: ['probe'],
  contextTokens: undefined,
  slots: 8,
  reserve: 0,
  weight: 1,
  overflow: undefined,
  ...change,
});
const parts = (of: number, ...backends: readonly BackendConfig[]) =>
  Array.from({ length: of }, (_, place) =>
    shareOf(backends, place, of).map(({ baseUrl, slots, reserve }) => [baseUrl, slots, reserve]),
  );
const a = backend({ baseUrl: 'a' });

test('slots are divided, the rest of them to the first', () => {
  expect(parts(3, a)).toEqual([[['a', 3, 0]], [['a', 3, 0]], [['a', 2, 0]]]);
  expect(parts(1, a)).toEqual([[['a', 8, 0]]]);
});

test('whoever has no slot does not have the server, and each server begins elsewhere', () => {
  const one = (baseUrl: string) => backend({ baseUrl, slots: 1 });
  expect(parts(3, one('a'), one('b'))).toEqual([[['a', 1, 0]], [['b', 1, 0]], []]);
});

test('reserved slots are dealt out from the other end, beside one for everybody', () => {
  expect(parts(2, backend({ baseUrl: 'a', slots: 4, reserve: 1 }))).toEqual([[['a', 2, 0]], [['a', 2, 1]]]);
  // With one slot for everybody, one process has it and the reserved one.
  expect(parts(2, backend({ baseUrl: 'a', slots: 2, reserve: 1 }))).toEqual([[['a', 2, 1]], []]);
});

test('all together have what was set, and each leaves a slot to everybody', () => {
  for (const of of [1, 2, 3, 7, 64]) {
    for (const [slots, reserve] of [
      [1, 0],
      [2, 1],
      [9, 4],
      [64, 63],
      [256, 10],
    ] as const) {
      const all = Array.from({ length: of }, (_, place) => shareOf([backend({ slots, reserve })], place, of)).flat();
      expect(all.reduce((sum, share) => sum + share.slots, 0)).toBe(slots);
      expect(all.reduce((sum, share) => sum + share.reserve, 0)).toBe(reserve);
      expect(all.every((share) => share.reserve < share.slots)).toBe(true);
    }
  }
});

test('what may be paid is divided too, and nobody may pay who could ask for nothing', () => {
  const paid = backend({ overflow: { requestsPerDay: 2, tokensPerDay: 1_001 } });
  const all = Array.from({ length: 3 }, (_, place) => shareOf([paid], place, 3)).flat();
  expect(all.map(({ overflow }) => overflow)).toEqual([
    { requestsPerDay: 1, tokensPerDay: 501 },
    { requestsPerDay: 1, tokensPerDay: 500 },
  ]);
  expect(all.reduce((sum, { slots }) => sum + slots, 0)).toBe(8);
});
