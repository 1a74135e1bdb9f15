import { expect, test } from 'vitest';
import type { RejectionReason, RouteQuery } from '#lib/market/spec.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom } from '#lib/base/random.ts';
import { chat, createWorld, demo, follow, pass, until, type Worker, type World } from '../peer.fixture.ts';
import type { FindRequest } from '#lib/protocol/find.ts';
import { createConsumer } from './consume.ts';
import { noWorkerError } from './choose-worker.ts';

const query: RouteQuery = { model: { name: 'tabloom-demo' }, tier: 'open', contextTokens: 10, kind: 'chat' };
const rejected = (...reasons: RejectionReason[]) => reasons.map((reason, i) => ({ peer: `p${i}`, reason }));
const tried = (...codes: string[]) => codes.map((code) => ({ code, message: code }));

test.each([
  ['no peer at all', [], [], 'no-peer-available'],
  ['other models only', rejected('model-not-here', 'model-not-here'), [], 'no-peer-available'],
  ['every context too small', rejected('context-too-small', 'context-too-small'), [], 'too-long'],
  ['every context of this model too small', rejected('model-not-here', 'context-too-small'), [], 'too-long'],
  ['every price too high', rejected('price', 'model-not-here'), [], 'price'],
  ['every queue full', rejected('queue-full'), [], 'busy'],
  ['some full, some elsewhere', rejected('queue-full', 'tier'), [], 'no-peer-available'],
  ['one lost', rejected('tried-already'), tried('peer-lost'), 'peer-lost'],
  ['one busy, one lost', rejected('tried-already'), tried('busy', 'peer-lost'), 'busy'],
  ['one refused the request itself', [], tried('peer-lost', 'bad-request', 'busy'), 'bad-request'],
  ['one went away', [], tried('draining'), 'no-peer-available'],
  ['one refused by policy', [], tried('refused-policy'), 'refused-policy'],
] as const)('%s', (_name, rejections, errors, code) => {
  expect(noWorkerError(query, rejections, errors).code).toBe(code);
});

test('a queue that is full everywhere is told as busy, with the time to wait', async () => {
  const world = createWorld();
  await world.byzantineWorker(1, async ({ send }) =>
    send({ t: 'refused', code: 'busy', message: 'full', retryAfterMs: 9_000 }),
  );
  await world.byzantineWorker(2, async ({ send }) =>
    send({ t: 'refused', code: 'busy', message: 'full', retryAfterMs: 4_000 }),
  );
  const asker = await world.asker(3);
  const job = follow(asker.consumer, chat('hello'));
  await until(world.clock, () => job.over);
  expect(job.state).toMatchObject({ phase: 'failed', error: { code: 'busy', details: { retryAfterMs: 4_000 } } });
});

const fullByItsOffer = (worker: Worker): void => {
  const models = worker.provider.servedModels('network')!.models.map((model) => ({ ...model, running: 1, queued: 8 }));
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

test('a worker that is busy without saying how long is believed by its offer', async () => {
  const world = createWorld();
  await world.byzantineWorker(1, async ({ send }) => send({ t: 'refused', code: 'busy', message: 'full' }));
  const asker = await world.asker(2);
  const job = follow(asker.consumer, chat('hello'));
  await until(world.clock, () => job.over);
  expect(job.state.error).toMatchObject({
    message: 'All workers are busy: the shortest queue has one job ahead. Try again in 1 s.',
    details: { retryAfterMs: 0, ahead: 1 },
  });
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

/** An asker whose relays are asked by a script: `announced` is what the directory gets with the answer. */
async function searchingAsker(world: World, answer: (request: FindRequest) => Promise<void> | undefined) {
  const here = await world.asker(9);
  const searched: FindRequest[] = [];
  const consumer = createConsumer({
    ...here,
    directory: world.directory,
    clock: world.clock,
    random: seededRandom(1),
    logger: silentLogger,
    search: (request) => (searched.push(request), answer(request)),
  });
  return { consumer, searched };
}

test('relays are asked for a worker that the directory does not hold before a job is given up', async () => {
  const world = createWorld();
  const other = await world.worker(1);
  const [model] = other.provider.servedModels('network')!.models;
  other.announce({ models: [{ ...model!, artefact: 'f'.repeat(64), name: 'other' }] });
  const worker = await world.worker(3, { answerTokens: 10 });
  world.directory.remove(worker.net.self);
  const { consumer, searched } = await searchingAsker(world, async () => {
    await world.clock.delay(200);
    worker.announce();
  });
  const job = follow(consumer, chat('hello', { model: { name: 'no-such-name' } }));
  await until(world.clock, () => job.over);
  expect(job.state).toMatchObject({ phase: 'failed', error: { code: 'no-peer-available' } });
  expect(searched[0]).toEqual({ name: 'no-such-name', kind: 'chat', limit: 16 });
  world.directory.remove(worker.net.self);
  const found = follow(consumer, chat('hello'));
  await until(world.clock, () => found.over);
  expect(found.state).toMatchObject({ phase: 'finished', worker: { peer: worker.net.self } });
  expect(searched.at(-1)).toEqual({ artefact: demo.artefact, kind: 'chat', limit: 16 });
});

test('a job waits no longer for relays than for its first offer', async () => {
  const world = createWorld();
  await world.worker(1);
  const { consumer } = await searchingAsker(world, () => new Promise(() => undefined));
  const job = follow(consumer, chat('hello', { model: { artefact: 'f'.repeat(64) } }));
  await pass(world.clock, 2_900);
  expect(job.over).toBe(false);
  await pass(world.clock, 200);
  expect(job.state).toMatchObject({ phase: 'failed', error: { code: 'no-peer-available' } });
});

test('no relay is asked where the directory holds a worker', async () => {
  const world = createWorld();
  await world.worker(1, { answerTokens: 10 });
  const { consumer, searched } = await searchingAsker(world, () => undefined);
  const job = follow(consumer, chat('hello'));
  await until(world.clock, () => job.over);
  expect([job.state.phase, searched]).toEqual(['finished', []]);
});
