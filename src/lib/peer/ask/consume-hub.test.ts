import { expect, test } from 'vitest';
import { payError } from '#lib/pay/errors.ts';
import type { PurseChannels } from '#lib/pay/ports.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { chat, createWorld, follow, paidPrice, until } from '../peer.fixture.ts';
import type { PaidWorkBook } from './paid-work.ts';
import { finishOf, part } from './byzantine.fixture.ts';
import { createBank, payoutOf } from '../payments.fixture.ts';

const habit: PaidWorkBook = { of: () => ({ jobs: 50, in: 10_000_000, out: 10_000_000 }), note: () => undefined };

test.each([
  ['is worth it', { in: '1900000', out: '3800000' }, habit],
  ['is as good as a hub that asks too much', { in: '2100000', out: '4200000' }, undefined],
])('a question tries one channel at most where that %s, and then it is the hub’s', async (_, hubPrice, paidWork) => {
  const world = createWorld();
  const bank = createBank();
  const purse = bank.purse(1);
  const refused: PeerId[] = [];
  const channels: PurseChannels = {
    ready: async () => undefined,
    to: () => 'none',
    costs: () => ({ open: 1n, topUp: 1n }),
  };
  const seller = (seed: number, price: typeof paidPrice | { in: string; out: string }) =>
    world.worker(seed, { answerTokens: 5, price, provider: { till: bank.till(seed) } });
  for (const seed of [10, 11, 12]) await seller(seed, paidPrice);
  const hub = await seller(20, hubPrice);
  const models = world.directory.get(hub.net.self)!.offer.models.map((model) => ({ ...model, hub: true as const }));
  hub.announce({ models });
  const { open } = purse;
  purse.open = async (payout, job, options) => {
    if (job.peer === hub.net.self) return open(payout, job, options);
    refused.push(job.peer);
    throw payError('chain-unavailable');
  };
  const asker = await world.asker(40, { purse: { ...purse, open: purse.open, channels }, paidWork });
  const ask = async () => {
    const job = follow(asker.consumer, chat('hello', { budget: '100000' }));
    await until(world.clock, () => job.over);
    return [job.state.phase, job.state.attempts.at(-1)?.worker.peer];
  };
  for (let n = 0; n < 4; n++) {
    const before = refused.length;
    expect(await ask()).toEqual(['finished', hub.net.self]);
    expect(refused.length - before).toBeLessThanOrEqual(1);
  }
  // Each of them once, as its purse had failed.
  expect(refused.length).toBeGreaterThan(1);
  expect(new Set(refused).size).toBe(refused.length);
});

test.each([
  ['as the receipt has it', 3, 1],
  ['above what the receipt has', 9_000_000, 0],
])('a worker whose count is %s makes a habit or none', async (_name, tokensIn, noted) => {
  const world = createWorld();
  const notes: object[] = [];
  const paidWork: PaidWorkBook = { of: habit.of, note: (_, tokens) => void notes.push(tokens) };
  const script: Parameters<typeof world.byzantineWorker>[1] = async (stage) => {
    await stage.send({ t: 'accepted', position: 0, etaMs: 0, tokensIn: 3, due: '3' });
    await stage.send(part('ab'));
    const finish = await finishOf(stage, ['ab']);
    await stage.send({ ...finish, usage: { ...finish.usage, tokensIn } });
  };
  await world.byzantineWorker(1, script, payoutOf(7));
  const asker = await world.asker(2, { purse: createBank().purse(1), paidWork });
  const job = follow(asker.consumer, chat('hello', { budget: '100000' }));
  await until(world.clock, () => job.over);
  expect([job.state.phase, job.state.cost?.total]).toEqual(['finished', '3']);
  expect(notes).toHaveLength(noted);
});
