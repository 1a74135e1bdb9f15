import { expect, test } from 'vitest';
import { limits } from '#lib/protocol/limits.ts';
import { createBank } from '../payments.fixture.ts';
import type { AskRequest, AskTerms } from '../spec.ts';
import { chat, createWorld, follow, pass, until, type Followed } from '../peer.fixture.ts';

const price = { in: '1000000', out: '2000000' };

/** Paid workers and an asker with a purse. */
async function town({ answerTokens = 100, workers = 1, depositMax = 10n ** 12n } = {}) {
  const world = createWorld();
  const bank = createBank();
  const purse = bank.purse(1, { depositMax });
  const tills = Array.from({ length: workers }, (_, i) => bank.till(i + 7));
  const paid = [];
  for (const [i, till] of tills.entries())
    paid.push(await world.worker(i + 1, { answerTokens, price, provider: { till } }));
  const asker = await world.asker(40, { purse });
  const ask = (change: Partial<AskTerms> = {}) => {
    const params = { maxTokens: 500, temperature: 0 };
    return follow(asker.consumer, { ...chat('hello'), params, budget: '100000', ...change } as AskRequest);
  };
  return { ...world, newcomer: world.asker, purse, tills, paid, asker, ask };
}

const idOf = (job: Followed): string => job.state.job!.id;
const peersOf = (job: Followed) => job.state.attempts.map(({ worker }) => worker.peer);

test('a job is paid as it comes: both sides come to the same total, and it stands in the receipt', async () => {
  const { clock, purse, tills, ask, asker, paid } = await town();
  const job = ask();
  await until(clock, () => job.over);
  const { usage, attempts, cost, phase } = job.state;
  expect(phase).toBe('finished');
  // The worker's estimate of the input is below its engine's count.
  const total = 2n + 2n * BigInt(usage!.tokensOut);
  expect(usage!.tokensIn).toBeGreaterThan(2);
  expect(cost).toEqual({ chain: 31_337, total: total.toString() });
  expect([purse.promisedFor(idOf(job)), tills[0]!.receivedFor(idOf(job))]).toEqual([total, total]);
  expect(attempts[0]?.settlement?.receiptCheck).toMatchObject({ counts: true, payment: true });
  expect([purse.opened, purse.openJobs, tills[0]!.openJobs]).toEqual([1, 0, 0]);
  expect(asker.trackRecord.standing(paid[0]!.net.self, job.state.job!.artefact)?.finished).toBeGreaterThan(0);
});

test('the engine never waits where payments are quick', async () => {
  const { clock, ask } = await town({ answerTokens: 400 });
  const job = ask();
  await until(clock, () => job.over);
  const [attempt] = job.state.attempts;
  // A hundred tokens a second.
  expect(attempt!.lastTokenAt! - attempt!.firstTokenAt!).toBeLessThanOrEqual(4_000);
});

test('without a budget or a purse, and for a kind that cannot be counted, paid workers are not asked', async () => {
  const { clock, asker, ask, newcomer, directory } = await town();
  const unpaid = ask({ budget: undefined });
  await until(clock, () => unpaid.over);
  expect(unpaid.state.error?.code).toBe('price');
  const poor = await newcomer(50);
  const purseless = follow(poor.consumer, chat('hello', { budget: '100000' }));
  await until(clock, () => purseless.over);
  expect(purseless.state.error?.code).toBe('price');
  const small = ask({ budget: '3' });
  await until(clock, () => small.over);
  expect(small.state.error?.code).toBe('price');
  expect(asker.consumer.explain(chat('hello'))).toEqual([
    { peer: directory.entries()[0]!.offer.peer, reason: 'price' },
  ]);
});

test('a price above the most is a filter, and a free worker serves without a purse being opened', async () => {
  const { clock, ask, worker, purse } = await town();
  const dear = ask({ priceMax: { in: '1000000', out: '1999999' } });
  await until(clock, () => dear.over);
  expect(dear.state.error?.code).toBe('price');
  const free = await worker(20);
  const job = ask({ priceMax: { in: '0', out: '0' } });
  await until(clock, () => job.over);
  expect([job.state.phase, peersOf(job), job.state.cost]).toEqual(['finished', [free.net.self], undefined]);
  expect(purse.opened).toBe(0);
});

test('a price that has risen since is refused before any work, and nobody is charged', async () => {
  const { clock, ask, purse, paid } = await town();
  paid[0]!.provider.offerModel(paid[0]!.model, { price: { in: '1000000', out: '2000001' } });
  const job = ask();
  await until(clock, () => job.over);
  expect([job.state.phase, job.state.error?.code, purse.promisedFor(idOf(job))]).toEqual(['failed', 'price', 0n]);
  expect(paid[0]!.provider.state.tokensOut).toBe(0);
});

test('what the purse says before any work ends the job, and the worker never hears of it', async () => {
  const { clock, ask, purse, paid, asker } = await town();
  purse.closedFor = 'insufficient-funds';
  const job = ask();
  await until(clock, () => job.over);
  expect(job.state).toMatchObject({ phase: 'failed', error: { code: 'insufficient-funds' }, attempts: [] });
  expect(asker.trackRecord.underWay(paid[0]!.net.self, paid[0]!.model.model.artefact)).toBe(0);
  expect(paid[0]!.provider.state.jobsRefused).toBe(0);
});

test('what cannot be paid for is asked of somebody who does it for nothing', async () => {
  const { clock, ask, purse, worker } = await town();
  purse.closedFor = 'chain-unavailable';
  const free = await worker(20);
  const job = ask();
  await until(clock, () => job.over);
  expect([job.state.phase, peersOf(job), job.state.cost]).toEqual(['finished', [free.net.self], undefined]);
});

test('what the purse says in the middle keeps the answer so far and blames nobody', async () => {
  const { clock, ask, purse, paid, asker } = await town({ answerTokens: 300 });
  const job = ask();
  await until(clock, () => job.state.tokens > 70);
  purse.failing = 'session-expired';
  await until(clock, () => job.over);
  expect(job.state).toMatchObject({ phase: 'failed', error: { code: 'session-expired' } });
  expect(job.state.text).not.toBe('');
  expect(asker.trackRecord.standing(paid[0]!.net.self, paid[0]!.model.model.artefact)?.broken ?? {}).toEqual({});
  expect(purse.openJobs).toBe(0);
});

test('the budget ends the answer, which is kept, with all of it paid and nothing above', async () => {
  const { clock, ask, purse, tills } = await town({ answerTokens: 300 });
  const job = ask({ budget: '101' });
  await until(clock, () => job.over);
  expect(job.state).toMatchObject({ phase: 'finished', reason: 'budget' });
  const total = purse.promisedFor(idOf(job));
  expect(total <= 101n && total >= 99n).toBe(true);
  expect(tills[0]!.receivedFor(idOf(job))).toBe(total);
});

test('an answer that goes on elsewhere pays each worker for its own tokens, out of one budget', async () => {
  const { clock, ask, purse, tills, paid, network } = await town({ answerTokens: 200, workers: 2 });
  const job = ask({ budget: '1000' });
  await until(clock, () => job.state.tokens > 90);
  const first = paid.find(({ net }) => net.self === job.state.worker!.peer)!;
  network.kill(first.net.self);
  await until(clock, () => job.over);
  expect([job.state.phase, job.state.tokens, new Set(peersOf(job)).size]).toEqual(['finished', 200, 2]);
  const received = tills.map((till) => till.receivedFor(idOf(job)));
  expect(received.every((one) => one > 0n)).toBe(true);
  const promised = purse.promisedFor(idOf(job));
  // What the lost worker was promised last may not have reached it.
  expect(promised - received[0]! - received[1]!).toBeLessThanOrEqual(BigInt(2 * limits.unpaidTokensMax));
  expect(promised).toBeLessThanOrEqual(1_000n);
  expect(job.state.cost?.total).toBe(promised.toString());
});

test('a worker whose till takes no more is left without blame, and another goes on', async () => {
  const { clock, ask, tills, paid, asker } = await town({ answerTokens: 200, workers: 2 });
  const job = ask();
  await until(clock, () => job.state.tokens > 70);
  const first = job.state.worker!.peer;
  tills[paid.findIndex(({ net }) => net.self === first)]!.refusing.serve = 'withdrawal-pending';
  await until(clock, () => job.over);
  expect([job.state.phase, job.state.tokens, new Set(peersOf(job)).size]).toEqual(['finished', 200, 2]);
  expect(asker.trackRecord.standing(first, job.state.job!.artefact)?.broken ?? {}).toEqual({});
  expect(job.state.warnings).toContainEqual(expect.objectContaining({ code: 'withdrawal-pending' }));
});

test('a refused payment makes the purse doubt what it knows of the chain, and another worker is asked', async () => {
  const { clock, ask, tills, purse } = await town({ workers: 2 });
  for (const { refusing } of tills) refusing.open = 'channel-missing';
  const refused = ask();
  await until(clock, () => refused.over);
  expect([refused.state.phase, refused.state.error?.code]).toEqual(['failed', 'payment-refused']);
  expect(purse.endings).toEqual(['refused', 'refused']);
});

test('asked for again, an answer comes from the record and costs nothing more', async () => {
  const { clock, ask, purse, tills } = await town();
  const id = 'ab'.repeat(16);
  const first = ask({ id });
  await until(clock, () => first.over);
  const total = purse.promisedFor(id);
  const again = ask({ id });
  await until(clock, () => again.over);
  expect([again.state.phase, again.state.text, again.state.cost]).toEqual(['finished', first.state.text, undefined]);
  expect([purse.promisedFor(id), tills[0]!.receivedFor(id)]).toEqual([total, total]);
  expect(again.state.attempts[0]?.settlement?.receiptCheck.payment).toBe(true);
});

test('stopped: what was delivered is settled and paid', async () => {
  const { clock, ask, purse, tills } = await town({ answerTokens: 300 });
  const job = ask();
  await until(clock, () => job.state.tokens > 40);
  job.cancel();
  await until(clock, () => job.over);
  expect(job.state.phase).toBe('cancelled');
  const [attempt] = job.state.attempts;
  expect(attempt?.settlement?.receiptCheck.payment).toBe(true);
  expect(tills[0]!.receivedFor(idOf(job))).toBe(purse.promisedFor(idOf(job)));
  await pass(clock, 10_000);
  expect([purse.openJobs, tills[0]!.openJobs]).toEqual([0, 0]);
});
