import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createConnectionLimits } from './connection-limits.ts';

const setup = (opening: 'limited' | 'unlimited' = 'limited') => {
  const perAddressMax = 4;
  const clock = manualClock();
  return { clock, limits: createConnectionLimits({ clock, perAddressMax, opening }) };
};

test('one more than an address may have is refused until a place is released', async () => {
  const { clock, limits } = setup();
  const places = Array.from({ length: 4 }, () => limits.admit('192.0.2.1'));
  await clock.advance(60_000);
  expect(limits.admit('192.0.2.1')).toBeUndefined();
  expect(limits.admit('192.0.2.2')).toBeDefined();
  places[0]!.release();
  places[0]!.release();
  expect([limits.admit('192.0.2.1'), limits.admit('192.0.2.1')]).toEqual([expect.anything(), undefined]);
});

test('a zone has four times as many, whatever its addresses', () => {
  const { limits } = setup();
  const admitted = Array.from({ length: 40 }, (_, host) => limits.admit(`192.0.2.${host}`)).filter(Boolean);
  expect(admitted).toHaveLength(16);
  expect(limits.admit('192.0.3.1')).toBeDefined();
});

test('the addresses of one IPv6 machine are one', () => {
  const { limits } = setup();
  const admitted = Array.from({ length: 10 }, (_, i) => limits.admit(`2001:db8:1:1::${i}`)).filter(Boolean);
  expect(admitted).toHaveLength(4);
  expect(limits.admit('2001:db8:1:2::1')).toBeDefined();
});

test('connections that come and go too fast are refused too', async () => {
  const { clock, limits } = setup();
  const churn = (times: number) =>
    Array.from({ length: times }, () => limits.admit('192.0.2.1')).filter((place) => (place?.release(), place)).length;
  expect([churn(10), churn(10)]).toEqual([4, 0]);
  await clock.advance(100);
  expect(churn(10)).toBe(2);
  await clock.advance(60_000);
  expect(churn(10)).toBe(4);
});

test('where openings are unlimited, only what is open counts', () => {
  const { limits } = setup('unlimited');
  for (let i = 0; i < 100; i++) limits.admit('192.0.2.1')!.release();
});
