import { expect, test } from 'vitest';
import { limits } from '#lib/protocol/limits.ts';
import { puppet, textPart } from './provide.fixture.ts';
import { createServedModel, leastPrice, toOffered } from './served-model.ts';
import { createSlotQueue } from './slot-queue.ts';

const idle = { in: '100', out: '1000' };
const full = { in: '200', out: '3000' };

function shop() {
  const { model } = puppet(async function* () {
    yield textPart('x');
  }, 1);
  const served = createServedModel(model, {
    audience: 'network',
    reserved: 0,
    price: { idle, full },
    measured: undefined,
    queue: createSlotQueue({ slots: 1, waitingMax: limits.workerQueueMax }),
  });
  const enter = () => served.queue.enter(() => undefined, 0)!;
  return { served, enter };
}

test('an offer names the price of its queue, within what the owner has set', () => {
  const { served, enter } = shop();
  const prices = [toOffered(served, 0).price];
  const tickets = [enter()];
  for (let waiting = 1; waiting <= limits.workerQueueMax; waiting++) {
    tickets.push(enter());
    prices.push(toOffered(served, 0).price);
  }
  expect(prices[0]).toEqual(idle);
  expect(prices.at(-1)).toEqual(full);
  expect(prices.map(({ in: input }) => Number(input))).toEqual([100, 100, 125, 125, 150, 150, 175, 175, 200]);
  for (const ticket of tickets) ticket.leave();
  expect(toOffered(served, 0).price).toEqual(idle);
});

test('a lower price holds for whoever may have been told it, as long as its offer does, and not longer', () => {
  const { served, enter } = shop();
  toOffered(served, 1_000);
  for (let jobs = 0; jobs <= limits.workerQueueMax; jobs++) enter();
  expect(toOffered(served, 1_000).price).toEqual(full);
  expect(leastPrice(served, 1_000 + limits.offerTtlMs)).toEqual(idle);
  expect(leastPrice(served, 1_001 + limits.offerTtlMs)).toEqual(full);
});

test('a price that was never told is not asked for less', () => {
  const { served, enter } = shop();
  for (let jobs = 0; jobs <= limits.workerQueueMax; jobs++) enter();
  expect(leastPrice(served, 0)).toEqual(full);
});
