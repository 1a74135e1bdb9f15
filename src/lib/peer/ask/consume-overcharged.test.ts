import { expect, test } from 'vitest';
import { inputUnitsMax } from '#lib/protocol/charge.ts';
import type { WorkerFrame } from '#lib/protocol/frame.ts';
import { rowOf } from '#lib/protocol/job.ts';
import { createOutputRoot } from '#lib/trust/output-root.ts';
import { createBank, payoutOf } from '../payments.fixture.ts';
import { chat, createWorld, follow, until, type Script, type Stage } from '../peer.fixture.ts';
import { accepted, part } from './byzantine.fixture.ts';

const texts = ['one', ' two', ' three'];

const outputOf = ({ job }: Stage) => {
  const output = createOutputRoot(rowOf(job).outputHash);
  for (const text of texts) output.add({ type: 'text-delta', text, tokens: 1 });
  return output.summary();
};
const asking = (tokensIn: number, due: number): WorkerFrame => ({
  t: 'accepted',
  position: 0,
  etaMs: 0,
  tokensIn,
  due: due.toString(),
});
const speak = async ({ send }: Stage) => {
  for (const text of texts) await send(part(text));
};
const ask = async (stage: Stage, due: number) => {
  const { job, asker, book } = stage;
  await stage.send({
    t: 'checkpoint',
    envelope: book.checkpoint({ job, asker, output: outputOf(stage), due: `${due}` })!,
  });
};
const finish = async ({ job, asker, book, send, ...stage }: Stage, total: string | undefined) => {
  const usage = { tokensIn: 10, tokensOut: texts.length };
  const receipt = await book.issue({
    job,
    asker,
    engine: { name: 'byzantine', build: '1', deviceClass: 'test' },
    output: outputOf({ job, asker, book, send, ...stage }),
    reason: 'stop',
    tokensIn: usage.tokensIn,
    timings: { queuedMs: 0, ttftMs: 1, decodeMs: 1 },
    price: job.payment?.price ?? { in: '0', out: '0' },
    payment: total === undefined ? undefined : { chain: 31_337, channel: channelOf(), total },
  });
  await send({ t: 'finish', reason: 'stop', usage, receipt });
};
let channelOf = (): `0x${string}` => `0x${'0'.repeat(64)}`;

/** One byzantine worker with a price, or none, and an asker that would pay it. */
async function deal(script: Script, { paid = true } = {}) {
  const world = createWorld();
  const purse = createBank().purse(1);
  const open = purse.open;
  purse.open = async (...args) => {
    const payment = await open(...args);
    channelOf = () => payment.channelId;
    return payment;
  };
  const worker = await world.byzantineWorker(1, script, paid ? payoutOf(7) : undefined);
  const asker = await world.asker(40, { purse });
  const job = follow(asker.consumer, chat('hello', { budget: '100000' }));
  const end = () => until(world.clock, () => job.over);
  const standing = () => asker.trackRecord.standing(worker.net.self, job.state.job!.artefact);
  return { ...world, purse, job, end, standing };
}

test.each<readonly [string, Script, boolean]>([
  ['money for a free job', async (stage) => (await stage.send(asking(2, 2)), stage.hang()), false],
  [
    'money for a free job, later',
    async (stage) => {
      await stage.send(accepted);
      await speak(stage);
      await ask(stage, 1);
      await stage.hang();
    },
    false,
  ],
  [
    'more input than the bytes can be',
    async (stage) => {
      await stage.send(asking(inputUnitsMax(stage.job) + 1, 1));
      await stage.hang();
    },
    true,
  ],
  ['more than the input costs', async (stage) => (await stage.send(asking(10, 11)), stage.hang()), true],
  [
    'input that grows',
    async (stage) => {
      await stage.send(asking(10, 10));
      await stage.send(asking(11, 11));
      await stage.hang();
    },
    true,
  ],
  [
    'more than was sent',
    async (stage) => {
      await stage.send(asking(10, 10));
      await speak(stage);
      await ask(stage, 10 + 2 * texts.length + 1);
      await stage.hang();
    },
    true,
  ],
])('a worker that asks for %s breaks a promise: it is left, and not paid for that', async (_name, script, paid) => {
  const { job, end, purse, standing } = await deal(script, { paid });
  await end();
  expect(job.state.attempts[0]).toMatchObject({ outcome: 'lost', error: { code: 'bad-frame' } });
  expect(standing()?.broken).toEqual({ breach: expect.any(Number) });
  // Nothing but the input that it had claimed rightly.
  expect(purse.promisedFor(job.state.job!.id)).toBeLessThanOrEqual(10n);
  expect(purse.openJobs).toBe(0);
});

test('what it asked for rightly is paid, once, and what came is kept', async () => {
  const { job, end, purse } = await deal(async (stage) => {
    await stage.send(asking(10, 10));
    await speak(stage);
    await ask(stage, 16);
    await ask(stage, 16);
    await ask(stage, 12);
    await ask(stage, 17);
    await stage.hang();
  });
  await end();
  expect(job.state.text).toBe(texts.join(''));
  expect([purse.promisedFor(job.state.job!.id) <= 16n, purse.promises <= 2]).toEqual([true, true]);
});

test('more tokens than the text has bytes are paid by its bytes', async () => {
  const { job, end, purse } = await deal(async (stage) => {
    await stage.send(asking(10, 10));
    await stage.send(part('a', 40));
    const output = createOutputRoot(rowOf(stage.job).outputHash);
    output.add({ type: 'text-delta', text: 'a', tokens: 40 });
    const { job: asked, asker, book } = stage;
    const envelope = book.checkpoint({ job: asked, asker, output: output.summary(), due: '90' })!;
    await stage.send({ t: 'checkpoint', envelope });
    await stage.hang();
  });
  await end();
  expect(purse.promisedFor(job.state.job!.id)).toBe(10n + 2n * 17n);
});

test.each(['9', '17', undefined])(
  'a receipt that names %s where 16 was promised is the fault of the worker, not of the answer',
  async (total) => {
    const { job, end, standing } = await deal(async (stage) => {
      await stage.send(asking(10, 10));
      await speak(stage);
      await ask(stage, 16);
      await finish(stage, total);
      await stage.hang();
    });
    await end();
    expect(job.state).toMatchObject({ phase: 'finished', text: texts.join('') });
    expect(job.state.attempts[0]?.settlement?.receiptCheck).toEqual({
      signature: true,
      worker: true,
      prompt: true,
      output: true,
      counts: true,
      payment: false,
    });
    expect(job.state.attempts[0]?.settlement?.receipt.countersign).toBeUndefined();
    expect(standing()?.broken).toEqual({ 'false-receipt': expect.any(Number) });
  },
);

test('a free job whose receipt speaks of money has a false one', async () => {
  const { job, end } = await deal(
    async (stage) => {
      await stage.send(accepted);
      await speak(stage);
      await finish(stage, '1');
      await stage.hang();
    },
    { paid: false },
  );
  await end();
  expect(job.state.attempts[0]?.settlement?.receiptCheck).toMatchObject({ counts: true, payment: false });
});
