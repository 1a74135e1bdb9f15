import { expect, test } from 'vitest';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom } from '#lib/base/random.ts';
import { createConsumer } from './consume.ts';
import { accepted, part } from './byzantine.fixture.ts';
import { chat, createWorld, follow, pass, until } from '../peer.fixture.ts';
import { createTrackRecord } from '../track-record.ts';
import type { Outcome } from '#lib/market/outcome.ts';

test('ends the engine within one token and brings a receipt for what was delivered', async () => {
  const world = createWorld();
  const worker = await world.worker(1, { answerTokens: 200 });
  const asker = await world.asker(2);
  const job = follow(asker.consumer, chat('hello'));
  await until(world.clock, () => job.state.tokens >= 10);
  job.cancel();
  await pass(world.clock, 30);
  expect(job.over).toBe(true);
  expect(job.state).toMatchObject({
    phase: 'cancelled',
    usage: { tokensOut: job.state.tokens },
    attempts: [
      {
        settlement: {
          receiptCheck: { signature: true, worker: true, prompt: true, output: true, counts: true, payment: true },
        },
      },
    ],
  });
  expect(job.state.tokens).toBeLessThanOrEqual(12);
  expect(worker.provider.state).toMatchObject({ running: 0, tokensOut: job.state.tokens });
  await until(world.clock, () => world.network.openChannels === 0);
});

test('before anybody was found', async () => {
  const world = createWorld();
  const asker = await world.asker(2);
  const job = follow(asker.consumer, chat('hello'));
  await pass(world.clock, 100);
  job.cancel();
  await pass(world.clock, 10);
  expect(job.state).toMatchObject({ phase: 'cancelled', attempts: [] });
});

test('in the queue', async () => {
  const world = createWorld();
  const worker = await world.worker(1, { answerTokens: 200 });
  const asker = await world.asker(2);
  const first = follow(asker.consumer, chat('one'));
  await pass(world.clock, 20);
  const second = follow(asker.consumer, chat('two'));
  await until(world.clock, () => second.state.phase === 'queued');
  expect(second.state.position).toBe(1);
  second.cancel();
  await pass(world.clock, 20);
  expect(second.state.phase).toBe('cancelled');
  expect(worker.provider.state).toMatchObject({ running: 1, queued: 0 });
  first.cancel();
  await pass(world.clock, 50);
});

test('a worker that does not settle is not waited for long', async () => {
  const world = createWorld();
  await world.byzantineWorker(1, async ({ send, hang }) => {
    await send(accepted);
    await send(part('x'));
    await hang();
  });
  const asker = await world.asker(2);
  const job = follow(asker.consumer, chat('hello'));
  await until(world.clock, () => job.state.tokens === 1);
  job.cancel();
  await pass(world.clock, 2_000);
  expect(job.state).toMatchObject({ phase: 'cancelled', text: 'x' });
  expect(job.state.attempts.at(-1)?.settlement?.receipt).toBeUndefined();
  await until(world.clock, () => world.network.openChannels === 0);
});

test('leaving the loop stops the engine too', async () => {
  const world = createWorld();
  const worker = await world.worker(1, { answerTokens: 500 });
  const asker = await world.asker(2);
  let seen = 0;
  const leave = async () => {
    for await (const event of asker.consumer.ask(chat('hello'))) {
      if (event.type === 'part-received' && ++seen === 5) break;
    }
  };
  const left = leave();
  await until(world.clock, () => seen === 5);
  await pass(world.clock, 30);
  await left;
  expect(worker.provider.state.running).toBe(0);
  expect(worker.provider.state.tokensOut).toBeLessThanOrEqual(7);
});

test('a job that was stopped is stopped when its id is asked again, and its worker is not to blame', async () => {
  const world = createWorld();
  await world.worker(1, { answerTokens: 200 });
  const asker = await world.asker(2);
  const request = chat('hello', { id: 'ab'.repeat(16) });
  const first = follow(asker.consumer, request);
  await until(world.clock, () => first.state.tokens >= 10);
  first.cancel();
  await until(world.clock, () => first.over);
  const again = follow(asker.consumer, request);
  await until(world.clock, () => again.over);
  expect(again.state).toMatchObject({
    phase: 'cancelled',
    text: first.state.text,
    attempts: [
      {
        settlement: {
          receiptCheck: { signature: true, worker: true, prompt: true, output: true, counts: true, payment: true },
        },
      },
    ],
  });
});

test('an asker that changes its mind, by signal or by leaving, holds nothing against the worker', async () => {
  const world = createWorld();
  await world.worker(1, { answerTokens: 200 });
  const asker = await world.asker(2);
  const heard: string[] = [];
  const trackRecord = {
    ...createTrackRecord(world),
    record: (_peer: string, _artefact: string, outcome: Outcome) => heard.push(outcome.type),
  };
  const consumer = createConsumer({ ...asker, ...world, trackRecord, random: seededRandom(1), logger: silentLogger });
  const stopped = follow(consumer, chat('one'));
  await until(world.clock, () => stopped.state.tokens > 3);
  stopped.cancel();
  await until(world.clock, () => stopped.over);
  const leave = async () => {
    for await (const event of consumer.ask(chat('two'))) if (event.type === 'part-received') break;
  };
  await Promise.all([leave(), pass(world.clock, 500)]);
  expect(heard).toEqual(['unjudged', 'unjudged']);
});
