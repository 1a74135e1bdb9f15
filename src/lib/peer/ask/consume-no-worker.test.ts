import { expect, test } from 'vitest';
import type { RejectionReason, RouteQuery } from '#lib/market/spec.ts';
import { chat, createWorld, follow, until, type Worker } from '../peer.fixture.ts';
import { noWorkerError } from './choose-worker.ts';

const query: RouteQuery = { model: { name: 'tabloom-demo' }, tier: 'open', contextTokens: 10, kind: 'chat' };
const rejected = (...reasons: RejectionReason[]) => reasons.map((reason, i) => ({ peer: `p${i}`, reason }));
const tried = (...codes: string[]) => codes.map((code) => ({ code, message: code }));

test.each([
  ['no peer at all', [], [], 'no-peer-available'],
  ['other models only', rejected('model-not-here', 'model-not-here'), [], 'no-peer-available'],
  ['every context too small', rejected('context-too-small', 'context-too-small'), [], 'too-long'],
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
