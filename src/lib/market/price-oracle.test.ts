import { expect, test } from 'vitest';
import { seededRandom } from '#lib/base/random.ts';
import { nextPrice, type MarketPrice, type Payment } from './price-oracle.ts';

const pay = (payer: string, price: number, units = 10, payee = 'p'): Payment => ({
  payer,
  payee,
  value: BigInt(price) * BigInt(units),
  units: BigInt(units),
});
const known: MarketPrice = { price: 1_000n, payers: 3, units: 1n, low: 1_000n, high: 1_000n };

test('the first price is the one at which half of the money was spent', () => {
  const first = nextPrice(undefined, [pay('a', 100), pay('b', 110), pay('c', 900, 1)]);
  expect(first).toEqual({ price: 110n, payers: 3, units: 21n, low: 100n, high: 900n });
  expect(nextPrice(undefined, [])).toBeUndefined();
});

test('fewer than three payers say nothing, however often they pay', () => {
  expect(nextPrice(undefined, [pay('a', 100), pay('b', 110), pay('b', 120)])).toBeUndefined();
  expect(nextPrice(known, [pay('a', 2_000), pay('b', 2_000)])).toBe(known);
});

test('whoever pays himself has no vote, nor has what is far off or worth nothing', () => {
  const even = [pay('a', 1_000), pay('b', 1_000), pay('c', 1_000)];
  for (const more of [pay('p', 2_000, 999), pay('d', 9_000, 999), pay('d', 100, 999), pay('d', 0, 999)]) {
    expect(nextPrice(known, [...even, more])).toEqual({
      price: 1_000n,
      payers: 3,
      units: 30n,
      low: 1_000n,
      high: 1_000n,
    });
  }
});

test('a day moves it by a twentieth at most, and by less where the sides are nearly even', () => {
  const of = (...prices: readonly number[]) =>
    Number(
      nextPrice(
        known,
        prices.map((price, index) => pay(`${index}`, price, 2_000_000 / price)),
      )!.price,
    );
  expect(of(2_000, 2_000, 4_000)).toBe(1_050);
  expect(of(500, 500, 250)).toBe(950);
  expect(of(2_000, 500, 500, 500)).toBe(975);
  expect(of(2_000, 500)).toBe(1_000);
  // Nobody who paid the last price pulls it up or down.
  expect(of(2_000, 1_000, 1_000)).toBe(1_000);
});

test('it stays where the sides are even, and comes to where they are', () => {
  const day = [pay('a', 800, 25), pay('b', 1_250, 16), pay('c', 1_300, 20)];
  let price: MarketPrice | undefined = { ...known, price: 400n };
  for (let days = 0; days < 60; days++) price = nextPrice(price, day);
  expect(Number(price!.price)).toBeGreaterThan(1_240);
  expect(Number(price!.price)).toBeLessThanOrEqual(1_300);
});

/** A market of strangers whose prices drift, and a seller who buys from himself through wallets that nobody knows. */
function market(seed: number) {
  const random = seededRandom(seed);
  const uniform = () => new DataView(random.bytes(4).buffer).getUint32(0) / 2 ** 32;
  const strategies = ['up', 'down', 'hold', 'noise'] as const;
  const strategy = strategies[seed % strategies.length]!;
  const effort = 3 * uniform() ** 2;
  const spread = 0.02 + 0.6 * uniform();
  const drift = 0.9 + 0.2 * uniform();
  let centre = 50_000;
  const honest: Payment[][] = [];
  const forged: Payment[][] = [];
  for (let day = 0; day < 30; day++) {
    centre *= drift ** 0.2;
    const trades = Array.from({ length: 5 + Math.floor(30 * uniform()) }, (_, index) =>
      pay(
        `h${index}`,
        Math.round(centre * (1 + spread * (uniform() - 0.5))),
        1 + Math.floor(500 * uniform()),
        `s${index % 5}`,
      ),
    );
    honest.push(trades);
    const volume = trades.reduce((sum, { units }) => sum + Number(units), 0);
    const factor = { up: 2, down: 0.5, hold: 1, noise: 0.2 + 3 * uniform() }[strategy];
    const wallets = 1 + Math.floor(20 * uniform());
    const units = Math.max(1, Math.round((effort * volume) / wallets));
    // The first day is the market's own: without any history there is nothing to be moved.
    forged.push(
      day === 0
        ? []
        : Array.from({ length: wallets }, (_, index) =>
            pay(`x${index}`, Math.max(1, Math.round(centre * factor)), units, 'seller'),
          ),
    );
  }
  return { honest, forged };
}

test('a seller who trades with himself moves it by no more than that costs him', () => {
  let moved = 0;
  for (let seed = 1; seed <= 200; seed++) {
    const { honest, forged } = market(seed);
    let [fair, bent]: (MarketPrice | undefined)[] = [];
    let cost = 0n;
    for (const [day, trades] of honest.entries()) {
      fair = nextPrice(fair, trades);
      bent = nextPrice(bent, [...trades, ...forged[day]!]);
      // Ten in a hundred of what he pays himself stays with the network; the gas is left out.
      cost += forged[day]!.reduce((sum, { value }) => sum + value / 10n, 0n);
      const by = fair!.price > bent!.price ? fair!.price - bent!.price : bent!.price - fair!.price;
      const traded = trades.reduce((sum, { value }) => sum + value, 0n) / fair!.price;
      if (by > 0n) moved += 1;
      // One unit for each rounding of a day.
      expect(
        (by - BigInt(2 * day + 2)) * traded <= cost,
        `seed ${seed}, day ${day}: ${by} over ${traded} for ${cost}`,
      ).toBe(true);
    }
  }
  // It can be moved: the bound is not that of a price that stands still.
  expect(moved).toBeGreaterThan(1_000);
});
