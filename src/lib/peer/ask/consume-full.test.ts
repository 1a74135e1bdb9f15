import { expect, test } from 'vitest';
import { chat, createWorld, follow, until, type Worker } from '../peer.fixture.ts';

test('a queue that is full everywhere is told as busy, with the time to wait', async () => {
  const world = createWorld();
  await world.impostor(1, async ({ send }) =>
    send({ t: 'refused', code: 'busy', message: 'full', retryAfterMs: 9_000 }),
  );
  await world.impostor(2, async ({ send }) =>
    send({ t: 'refused', code: 'busy', message: 'full', retryAfterMs: 4_000 }),
  );
  const asker = await world.asker(3);
  const job = follow(asker.consumer, chat('hello'));
  await until(world.clock, () => job.over);
  expect(job.state).toMatchObject({ phase: 'failed', error: { code: 'busy', details: { retryAfterMs: 4_000 } } });
});

const fullByItsOffer = (worker: Worker): void => {
  const models = worker.provider.shelf('network')!.models.map((model) => ({ ...model, running: 1, queued: 8 }));
  worker.announce({ models });
};

test('a queue that was full when it was offered is asked all the same, once there is no other', async () => {
  const world = createWorld();
  const worker = await world.worker(1, { answerTokens: 10 });
  fullByItsOffer(worker);
  const asker = await world.asker(2);
  const job = follow(asker.consumer, chat('hello'));
  await until(world.clock, () => job.over);
  expect(job.state).toMatchObject({ phase: 'finished', worker: { peer: worker.net.self } });
});

test('of queues that are full one is asked, and its word is taken for all', async () => {
  const world = createWorld();
  for (const seed of [1, 2, 3]) {
    const worker = await world.worker(seed, { provider: { jobsPerPeerMax: () => 0 } });
    fullByItsOffer(worker);
  }
  const asker = await world.asker(4);
  const job = follow(asker.consumer, chat('hello'));
  await until(world.clock, () => job.over);
  expect(job.state).toMatchObject({
    phase: 'failed',
    error: { code: 'busy', details: { retryAfterMs: expect.any(Number) } },
  });
  expect(job.state.attempts.map(({ outcome }) => outcome)).toEqual(['refused']);
});
