import { expect, test } from 'vitest';
import type { Job } from '#lib/protocol/job.ts';
import { accepted, finishOf, part } from './byzantine.fixture.ts';
import { chat, createWorld, follow, pass, until, type Script } from '../peer.fixture.ts';

const lies: readonly (readonly [string, Script, object])[] = [
  [
    'over another text',
    async (stage) => {
      await stage.send(accepted);
      await stage.send(part('true'));
      await stage.send(await finishOf(stage, ['false']));
    },
    { signature: true, worker: true, prompt: true, output: false, counts: true, payment: true },
  ],
  [
    'over more tokens than came',
    async (stage) => {
      await stage.send(accepted);
      await stage.send(part('ab'));
      await stage.send(await finishOf(stage, ['a', 'b']));
    },
    { signature: true, worker: true, prompt: true, counts: false, payment: true },
  ],
  [
    'for another prompt',
    async (stage) => {
      await stage.send(accepted);
      await stage.send(part('a'));
      const job = { ...stage.job, input: { messages: [{ role: 'user', content: 'other' }] } } as Job;
      await stage.send(await finishOf({ ...stage, job }, ['a']));
    },
    { signature: true, worker: true, prompt: false, output: true, counts: true, payment: true },
  ],
  [
    'with a broken signature',
    async (stage) => {
      await stage.send(accepted);
      await stage.send(part('a'));
      const honest = await finishOf(stage, ['a']);
      await stage.send({ ...honest, receipt: { ...honest.receipt, sig: new Uint8Array(64) } });
    },
    { signature: false, worker: false, prompt: false, output: false, counts: false, payment: false },
  ],
];
test.each(lies)('%s is shown as such and not countersigned', async (_name, script, receiptCheck) => {
  const world = createWorld();
  await world.byzantineWorker(1, script);
  const asker = await world.asker(2);
  const job = follow(asker.consumer, chat('hello'));
  await until(world.clock, () => job.over);
  expect(job.state).toMatchObject({ phase: 'finished', attempts: [{ settlement: { receiptCheck } }] });
  expect(job.state.attempts.at(-1)?.settlement?.receipt.countersign).toBeUndefined();
});

test('every one is the next link of both chains', async () => {
  const world = createWorld();
  const worker = await world.worker(1, { answerTokens: 5 });
  const asker = await world.asker(2);
  for (let i = 0; i < 3; i++) {
    const job = follow(asker.consumer, chat(`hello ${i}`));
    await until(world.clock, () => job.over);
  }
  await pass(world.clock, 100);
  await worker.book.settled();
  const { readLink, chainStart } = await import('#lib/trust/chain.ts');
  const receipts = (await worker.book.list('worker', 10)).toReversed();
  const links = receipts.map(({ receipt }) => readLink('worker', receipt));
  expect(links.map(({ prev }) => prev)).toEqual([chainStart, links[0]!.hash, links[1]!.hash]);
  const answers = receipts.map(({ countersign }) => readLink('asker', countersign!));
  expect(answers.map(({ prev }) => prev)).toEqual([chainStart, answers[0]!.hash, answers[1]!.hash]);
});
