import { expect, test } from 'vitest';
import { encodeCbor } from '#lib/protocol/cbor.ts';
import { chat, createWorld, demo, follow, pass, until } from '../peer.fixture.ts';

const types = (job: ReturnType<typeof follow>) =>
  job.events.map(({ type }) => type).filter((type, i, all) => type !== all[i - 1]);

test('a prompt goes out and an answer comes back, signed by both', async () => {
  const world = createWorld();
  const worker = await world.worker(1, { answerTokens: 20 });
  const asker = await world.asker(2);
  const job = follow(asker.consumer, chat('hello'));
  await until(world.clock, () => job.over);
  expect(types(job)).toEqual([
    'job-routing',
    'worker-chosen',
    'channel-opened',
    'job-accepted',
    'part-received',
    'job-finished',
  ]);
  expect(job.state).toMatchObject({
    phase: 'finished',
    path: 'direct',
    tokens: 20,
    reason: 'stop',
    worker: { peer: worker.net.self, model: demo.name, self: false },
    attempts: [
      {
        settlement: {
          receiptCheck: { signature: true, worker: true, prompt: true, output: true, counts: true, payment: true },
        },
      },
    ],
  });
  expect(job.state.text.length).toBeGreaterThan(0);
  await asker.book.settled();
  await until(world.clock, () => world.network.openChannels === 0);
  await worker.book.settled();
  const [kept] = await worker.book.list('worker', 10);
  expect(encodeCbor(kept)).toEqual(encodeCbor(job.state.attempts.at(-1)?.settlement?.receipt));
  expect(await asker.book.list('asker', 10)).toEqual([kept]);
  expect(worker.provider.state).toMatchObject({ running: 0, queued: 0, jobsDone: 1, tokensOut: 20 });
});

test('the same job id asked again is the same job, run once', async () => {
  const world = createWorld();
  const workers = await Promise.all([1, 2, 3].map((seed) => world.worker(seed, { answerTokens: 15 })));
  const asker = await world.asker(9);
  const request = chat('hello', { id: 'ab'.repeat(16) });
  const one = follow(asker.consumer, request);
  await until(world.clock, () => one.state.tokens > 3);
  const two = follow(asker.consumer, request);
  await until(world.clock, () => one.over && two.over);
  const three = follow(asker.consumer, request);
  await until(world.clock, () => three.over);
  for (const job of [one, two, three]) {
    expect(job.state).toMatchObject({
      phase: 'finished',
      text: one.state.text,
      attempts: [{ settlement: { receiptCheck: { output: true, counts: true } } }],
    });
  }
  expect(workers.reduce((sum, { provider }) => sum + provider.state.jobsDone, 0)).toBe(1);
});

test('an answer from the record is as old as the first asking, and its receipt holds all the same', async () => {
  const world = createWorld();
  const worker = await world.worker(1, { answerTokens: 15 });
  const asker = await world.asker(2);
  const request = chat('hello', { id: 'ab'.repeat(16) });
  const first = follow(asker.consumer, request);
  await until(world.clock, () => first.over);
  await world.clock.advance(5 * 60_000);
  worker.announce();
  const again = follow(asker.consumer, request);
  await until(world.clock, () => again.over);
  expect(again.state).toMatchObject({
    phase: 'finished',
    attempts: [
      {
        settlement: {
          receiptCheck: { signature: true, worker: true, prompt: true, output: true, counts: true, payment: true },
        },
      },
    ],
  });
  expect(worker.provider.state.jobsDone).toBe(1);
});

test('a reader that does not pull stops the engine', async () => {
  const world = createWorld();
  const worker = await world.worker(1, {
    tokensPerSecond: 1_000,
    text: () => Array.from({ length: 3_000 }, (_, i) => `${i}${'x'.repeat(500)}`).join(' '),
  });
  const asker = await world.asker(2);
  const asked = asker.consumer.ask(chat('hello', { params: { maxTokens: 3_000, temperature: 0 } }));
  const events = asked[Symbol.asyncIterator]();
  const pull = async () => {
    const next = events.next();
    let settled = false;
    void next.then(() => (settled = true));
    await until(world.clock, () => settled);
  };
  for (let i = 0; i < 8; i++) await pull();
  await pass(world.clock, 10_000);
  const before = worker.provider.state.tokensOut;
  expect(before).toBeLessThan(2_000);
  await pass(world.clock, 1_000);
  expect(worker.provider.state.tokensOut).toBe(before);
  await Promise.all([events.return?.(), pass(world.clock, 100)]);
  expect(worker.provider.state.running).toBe(0);
});

test('the job is on its way before anybody is told that the channel is open', async () => {
  const world = createWorld();
  const worker = await world.worker(1, { answerTokens: 10 });
  const asker = await world.asker(2);
  const events = asker.consumer.ask(chat('hello'))[Symbol.asyncIterator]();
  for (let type = ''; type !== 'channel-opened';) type = (await events.next()).value!.type;
  // Nothing is pulled any more.
  await world.clock.advance(0);
  expect(worker.provider.state.running).toBe(1);
  await Promise.all([events.return?.(), pass(world.clock, 100)]);
});
