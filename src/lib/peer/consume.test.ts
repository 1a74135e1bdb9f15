import { expect, test } from 'vitest';
import { encodeCbor } from '#lib/protocol/cbor.ts';
import { chat, createWorld, demo, follow, until } from './peer.fixture.ts';

test('a prompt goes out and an answer comes back, signed by both', async () => {
  const world = createWorld();
  const worker = await world.worker(1, { answerTokens: 20 });
  const asker = await world.asker(2);
  const job = follow(asker.consumer, chat('hello'));
  await until(world.clock, () => job.over);
  expect(job.events.map(({ type }) => type).filter((type, i, all) => type !== all[i - 1])).toEqual([
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
    receiptCheck: { signature: true, worker: true, prompt: true, output: true, counts: true },
  });
  expect(job.state.text.length).toBeGreaterThan(0);
  await asker.book.settled();
  await until(world.clock, () => world.network.openChannels === 0);
  await worker.book.settled();
  const [kept] = await worker.book.list('worker', 10);
  expect(encodeCbor(kept)).toEqual(encodeCbor(job.state.receipt));
  expect(await asker.book.list('asker', 10)).toEqual([kept]);
  expect(worker.provider.state).toMatchObject({ running: 0, queued: 0, jobsDone: 1, tokensOut: 20 });
});
