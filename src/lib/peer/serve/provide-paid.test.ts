import { expect, test } from 'vitest';
import { decodeCbor } from '#lib/protocol/cbor.ts';
import { checkpointSchema } from '#lib/protocol/checkpoint.ts';
import type { UnknownFrame, WorkerFrame } from '#lib/protocol/frame.ts';
import type { Job } from '#lib/protocol/job.ts';
import { limits } from '#lib/protocol/limits.ts';
import { encodeVoucher } from '#lib/protocol/payment.ts';
import { openReceipt } from '#lib/trust/receipt.ts';
import { createBank, payoutOf } from '../payments.fixture.ts';
import { createWorld, job, openRaw, pass, textOf, until, type RawAsker } from '../peer.fixture.ts';

const price = { in: '1000000', out: '2000000' };

/** A worker that is paid, and an asker that pays by hand. */
async function shop({
  answerTokens = 100,
  budget = 10_000n,
  ...terms
}: { answerTokens?: number; budget?: bigint; price?: typeof price } = {}) {
  const world = createWorld();
  const bank = createBank();
  const till = bank.till(7);
  const purse = bank.purse(1);
  const worker = await world.worker(1, { answerTokens, price, provider: { till } });
  const asker = await world.asker(2);
  const paidJob = async (change: Partial<Job> = {}) => {
    const wanted = job(change);
    const payment = await purse.open(payoutOf(7), { id: wanted.id, peer: worker.net.self, budget, tier: 'open' });
    const { chain, terms: channel } = payment;
    const paying = { budget: budget.toString(), payment: { chain, terms: channel, price: terms.price ?? price } };
    const send = async (raw: RawAsker, total: bigint) =>
      raw.send({ t: 'pay', voucher: encodeVoucher(await payment.promise(total)), total: total.toString() });
    return { job: { ...wanted, ...paying } as Job, payment, pay: send };
  };
  return { ...world, worker, asker, till, purse, paidJob, open: () => openRaw(asker.net, worker.net.self) };
}

const duesOf = (frames: readonly (WorkerFrame | UnknownFrame)[]) =>
  frames.flatMap((frame) => {
    if (frame.t === 'accepted') return frame.due ?? [];
    if (frame.t !== 'checkpoint') return [];
    return decodeCbor(checkpointSchema, frame.envelope.payload, 'bad-record').due ?? [];
  });
const lastDue = (raw: RawAsker): bigint => BigInt(duesOf(raw.frames).at(-1) ?? 0);
const finishOf = (raw: RawAsker) => {
  const frame = raw.frames.findLast(({ t }) => t === 'finish');
  return frame?.t === 'finish' ? { ...frame, receipt: openReceipt(frame.receipt).record } : undefined;
};

test('what is offered names its price and where it is paid; a price without a till is not offered', async () => {
  const { worker, directory } = await shop();
  expect(directory.get(worker.net.self)?.offer).toMatchObject({ payout: payoutOf(7), models: [{ price }] });
  const free = await createWorld().worker(3);
  expect(free.provider.servedModels('network')).not.toHaveProperty('payout');
  expect(() => free.provider.offerModel(free.model, { price })).toThrow(
    expect.objectContaining({ code: 'payout-missing' }),
  );
});

test('a price may follow the queue, and a job pays what it was told', async () => {
  const till = createBank().till(7);
  const priceMax = { in: '2000000', out: '4000000' };
  const world = createWorld();
  const worker = await world.worker(1, { provider: { till, price, priceMax } });
  expect(world.directory.get(worker.net.self)?.offer).toMatchObject({ payout: payoutOf(7), models: [{ price }] });
  const free = createWorld();
  const idle = { in: '0', out: '0' };
  await expect(free.worker(3, { provider: { price: idle, priceMax } })).rejects.toMatchObject({
    code: 'payout-missing',
  });
});

test('each model may have a range of its own, and one whose ends are not in order is not offered', async () => {
  const till = createBank().till(7);
  const { worker } = createWorld();
  const { provider, model } = await worker(1, { provider: { till, price } });
  provider.offerModel(model, { price, priceFull: { in: '2000000', out: '4000000' } });
  expect(provider.servedModels('network')).toMatchObject({ models: [{ price }] });
  const low = { in: '2000000', out: '1999999' };
  expect(() => provider.offerModel(model, { price, priceFull: low })).toThrow(
    expect.objectContaining({ code: 'bad-price-range' }),
  );
  // What was offered before stands.
  expect(provider.servedModels('network')).toMatchObject({ models: [{ price }] });
});

test('a job is paid as it comes, and its receipt says how much', async () => {
  const { clock, paidJob, open, till } = await shop();
  const { job: wanted, pay } = await paidJob();
  const raw = await open();
  await raw.send({ t: 'open', job: wanted });
  let paid = 0n;
  for (let ms = 0; ms < 5_000 && !finishOf(raw); ms += 5) {
    await pass(clock, 5);
    if (lastDue(raw) > paid) await pay(raw, (paid = lastDue(raw)));
  }
  const end = finishOf(raw)!;
  expect(end).toMatchObject({ reason: 'stop', receipt: { price, payment: { chain: 31_337, total: paid.toString() } } });
  expect(paid).toBe(till.receivedFor(wanted.id));
  const accepted = raw.frames.find((frame) => frame.t === 'accepted');
  const tokensIn = accepted?.t === 'accepted' ? accepted.tokensIn! : 0;
  expect(paid).toBe(BigInt(tokensIn + 2 * end.usage.tokensOut));
  expect(till.openJobs).toBe(0);
});

test('nobody is served unpaid, and a refusal says what to do', async () => {
  const { clock, paidJob, open, worker } = await shop();
  const { job: wanted } = await paidJob();
  const cases: readonly (readonly [Partial<Job>, string])[] = [
    [{ budget: undefined }, 'payment-required'],
    [{ payment: undefined }, 'payment-required'],
    [{ budget: '1' }, 'budget'],
    [{ payment: { ...wanted.payment!, price: { in: '1000000', out: '1999999' } } }, 'price'],
    [{ payment: { ...wanted.payment!, chain: 1 } }, 'payment-refused'],
  ];
  for (const [change, code] of cases) {
    const raw = await open();
    await raw.send({ t: 'open', job: { ...wanted, id: job().id, ...change } as Job });
    await pass(clock, 20);
    expect(raw.frames.map((frame) => ('code' in frame ? frame.code : frame.t))).toEqual([code]);
  }
  expect(worker.provider.state.tokensOut).toBe(0);
});

test('an unpaid input holds the slot for six seconds and nothing is made of it', async () => {
  const { clock, paidJob, open, worker, till } = await shop();
  const { job: wanted } = await paidJob();
  const raw = await open();
  await raw.send({ t: 'open', job: wanted });
  await pass(clock, limits.aliveIntervalMs + 10);
  expect(raw.frames.at(-1)).toEqual({ t: 'alive', phase: 'starved' });
  await pass(clock, limits.unpaidTimeoutMs);
  const end = finishOf(raw)!;
  expect([end.reason, end.usage.tokensOut, end.receipt.payment]).toEqual(['unpaid', 0, undefined]);
  expect([worker.provider.state.running, worker.provider.state.tokensOut, till.receivedFor(wanted.id)]).toEqual([
    0,
    0,
    0n,
  ]);
});

test('at most a chunk is unpaid: the engine waits, and then the job ends with a receipt for what was paid', async () => {
  const { clock, paidJob, open, till } = await shop({ answerTokens: 500 });
  const { job: wanted, pay } = await paidJob();
  const raw = await open();
  await raw.send({ t: 'open', job: wanted });
  await pass(clock, 10);
  const input = lastDue(raw);
  await pay(raw, input);
  await pass(clock, 1_000);
  expect(textOf(raw.frames)).not.toBe('');
  const tokens = raw.frames.reduce(
    (sum, frame) => sum + (frame.t === 'part' && 'tokens' in frame.part ? frame.part.tokens : 0),
    0,
  );
  expect(tokens).toBe(limits.unpaidTokensMax);
  await pass(clock, limits.unpaidTimeoutMs);
  const end = finishOf(raw)!;
  expect([end.reason, end.usage.tokensOut, end.receipt.payment?.total]).toEqual(['unpaid', 64, input.toString()]);
  expect(till.receivedFor(wanted.id)).toBe(input);
});

test('a till that takes no more ends the job; its code comes in a warning', async () => {
  for (const at of ['serve', 'receive'] as const) {
    const { clock, paidJob, open, till } = await shop({ answerTokens: 500 });
    const { job: wanted, pay } = await paidJob();
    const raw = await open();
    await raw.send({ t: 'open', job: wanted });
    await pass(clock, 10);
    await pay(raw, lastDue(raw));
    await until(clock, () => duesOf(raw.frames).length > 1);
    till.refusing[at] = 'withdrawal-pending';
    await pay(raw, lastDue(raw));
    await pass(clock, 1_000);
    expect(raw.frames).toContainEqual({
      t: 'part',
      part: { type: 'warning', code: 'withdrawal-pending', message: expect.any(String) },
    });
    expect(finishOf(raw)).toMatchObject({ reason: 'unpaid', receipt: { payment: { total: expect.any(String) } } });
    expect(textOf(raw.frames)).not.toBe('');
  }
});

test('payments belong to the job: what was paid on one channel is known on the next', async () => {
  const { clock, paidJob, open } = await shop({ answerTokens: 500 });
  const { job: wanted, pay } = await paidJob();
  const first = await open();
  await first.send({ t: 'open', job: wanted });
  await pass(clock, 10);
  const input = lastDue(first);
  await pay(first, input);
  await until(clock, () => duesOf(first.frames).length > 1);
  const second = await open();
  await second.send({ t: 'open', job: wanted });
  await pass(clock, 5);
  first.abort();
  await pass(clock, 100);
  expect(second.frames[0]).toMatchObject({ t: 'accepted', due: input.toString(), paid: input.toString() });
  await pay(second, lastDue(second));
  await pass(clock, 100);
  expect(textOf(second.frames).length).toBeGreaterThan(textOf(first.frames).length);
  const before = second.frames.length;
  await pay(second, lastDue(second));
  await pass(clock, 100);
  expect(second.frames.length).toBeGreaterThan(before);
});

test('cancelled: the receipt comes within the time an asker waits for it, paid or not', async () => {
  const { clock, paidJob, open } = await shop({ answerTokens: 500 });
  const { job: wanted, pay } = await paidJob();
  const raw = await open();
  await raw.send({ t: 'open', job: wanted });
  await pass(clock, 10);
  await pay(raw, lastDue(raw));
  await pass(clock, 20);
  await raw.send({ t: 'cancel', jobId: wanted.id });
  await pass(clock, limits.settleTimeoutMs);
  expect(finishOf(raw)).toMatchObject({ reason: 'cancelled', receipt: { reason: 'cancelled' } });
});

test('this device asks itself for nothing, and a free model takes a job with a budget for free', async () => {
  const { clock, worker, paidJob, open } = await shop();
  const own = await openRaw(worker.net, worker.net.self);
  await own.send({ t: 'open', job: job() });
  await until(clock, () => own.frames.some(({ t }) => t === 'finish'));
  expect(own.frames.find((frame) => frame.t === 'accepted')).not.toHaveProperty('due');
  const { job: wanted } = await paidJob();
  worker.provider.offerModel(worker.model);
  const raw = await open();
  await raw.send({ t: 'open', job: wanted });
  await until(clock, () => raw.frames.some(({ t }) => t === 'finish'));
  expect(duesOf(raw.frames)).toEqual([]);
  expect(finishOf(raw)?.receipt).not.toHaveProperty('payment');
});
