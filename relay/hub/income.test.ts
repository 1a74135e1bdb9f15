import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import type { Receivable, Till } from '#lib/pay/ports.ts';
import { createHubIncome } from './income.ts';

function setup() {
  const clock = manualClock();
  const promised = new Map<string, bigint>();
  const booked: [string, bigint][] = [];
  const state = { fails: false, slow: undefined as Promise<void> | undefined };
  const till: Till = {
    payouts: [],
    open: async ({ terms }) =>
      ({ chain: 1, channelId: terms, received: () => 0n, end: () => undefined }) as unknown as Receivable,
  };
  const income = createHubIncome({
    till,
    clock,
    logger: silentLogger,
    promisedIn: async (channel) => promised.get(channel)!,
    async note(chain, channel, total) {
      await state.slow;
      if (state.fails) throw new Error('no database');
      booked.push([`${chain}/${channel}`, total]);
    },
  });
  const job = async (channel: string, total: bigint) => {
    const receivable = await income.till.open({ chain: 1, terms: channel }, { id: 'job' });
    promised.set(channel, total);
    return receivable;
  };
  return { clock, income, booked, state, job };
}

test('the channel of a job is booked at its total when the job ends, once', async () => {
  const { income, booked, job } = setup();
  const receivable = await job('a', 7n);
  expect(booked).toEqual([]);
  receivable.end();
  receivable.end();
  await income.stop();
  expect(booked).toEqual([['1/a', 7n]]);
});

test('a job that ends while another is being booked is booked after it', async () => {
  const { income, booked, state, job } = setup();
  const written = Promise.withResolvers<void>();
  state.slow = written.promise;
  const first = await job('a', 7n);
  const second = await income.till.open({ chain: 1, terms: 'a' }, { id: 'other' });
  first.end();
  await Promise.resolve();
  await Promise.resolve();
  await job('a', 9n);
  second.end();
  written.resolve();
  await income.stop();
  expect(booked.at(-1)).toEqual(['1/a', 9n]);
});

test('what could not be written is tried again, later and at the end', async () => {
  const { clock, income, booked, state, job } = setup();
  state.fails = true;
  (await job('a', 7n)).end();
  await clock.advance(5_000);
  state.fails = false;
  await clock.advance(5_000);
  await expect.poll(() => booked).toEqual([['1/a', 7n]]);
  state.fails = true;
  (await job('b', 3n)).end();
  await clock.advance(1);
  state.fails = false;
  await income.stop();
  expect(booked).toEqual([
    ['1/a', 7n],
    ['1/b', 3n],
  ]);
});
