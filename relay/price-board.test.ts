import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createPriceBoard, type PriceBoardInit } from './price-board.ts';

const day = 86_400_000;
type Settled = Awaited<ReturnType<PriceBoardInit['settled']>>;
const paid = (model: string, at: number, payer: string, price: bigint): Settled[number] => ({
  day: at * day,
  kind: 'llm',
  model,
  payer,
  payee: 'p',
  value: 10n * price,
  units: 10n,
});

test('the price of each model follows its days, and is read once a day', async () => {
  const asked: number[] = [];
  const clock = manualClock(2 * day + 5);
  const settled = [
    ...['a', 'b', 'c'].map((payer) => paid('m', 0, payer, 1_000n)),
    ...['a', 'b', 'c'].map((payer) => paid('m', 1, payer, 4_000n)),
    ...['a', 'b', 'c'].map((payer) => paid('rare', 0, payer, 4_000n)),
    // Too few to count: what is known of it is a day older.
    ...['a', 'b'].map((payer) => paid('rare', 1, payer, 5_000n)),
    ...['a', 'b'].map((payer) => paid('never', 1, payer, 4_000n)),
  ];
  const board = createPriceBoard({
    clock,
    async settled(before) {
      asked.push(before);
      return settled;
    },
  });
  const of = { kind: 'llm', payers: 3, units: 30n, low: 4_000n, high: 4_000n };
  const expected = [
    { ...of, model: 'm', until: 2 * day, price: 1_050n },
    { ...of, model: 'rare', until: day, price: 4_000n },
  ];
  expect(await board()).toEqual(expected);
  expect(await board()).toEqual(expected);
  await clock.advance(day);
  await board();
  expect(asked).toEqual([2 * day, 3 * day]);
});

test('a database that fails is asked again', async () => {
  let tries = 0;
  const board = createPriceBoard({
    clock: manualClock(),
    async settled() {
      tries += 1;
      if (tries === 1) throw new Error('away');
      return [];
    },
  });
  await expect(board()).rejects.toThrow('away');
  expect(await board()).toEqual([]);
});
