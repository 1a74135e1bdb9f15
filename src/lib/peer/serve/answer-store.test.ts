import { expect, test } from 'vitest';
import { silentLogger } from '#lib/base/logger.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { Job } from '#lib/protocol/job.ts';
import { limits } from '#lib/protocol/limits.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import { createBank } from '../payments.fixture.ts';
import { chat, createWorld, follow, job, openRaw, paidPrice, pass, until, type Worker } from '../peer.fixture.ts';
import type { AskRequest } from '../spec.ts';
import { createAnswerStore } from './answer-store.ts';
import { finish, last, puppet, textOfRaw, textPart } from './provide.fixture.ts';

/** One asker and runs of one worker after each other, which share a storage. */
async function setup() {
  const { clock, worker, asker } = createWorld();
  const storage = createMemoryStorage();
  const { net } = await asker(100);
  let seed = 0;
  let starts = 0;
  const run = async (from: KeyValue = storage, keeps?: (asker: PeerId) => boolean): Promise<Worker> => {
    const { model } = puppet(async function* () {
      yield textPart(`answer ${++starts}`);
      yield finish;
    });
    const answers = createAnswerStore({ storage: from, clock, logger: silentLogger, keeps });
    return worker(++seed, { model, provider: { answers } });
  };
  const ask = async (on: Worker, asked: Job) => {
    const raw = await openRaw(net, on.net.self);
    await raw.send({ t: 'open', job: asked });
    await until(clock, () => ['finish', 'refused', 'error'].includes(last(raw)?.t ?? ''));
    return raw;
  };
  const stop = async ({ provider }: Worker) => {
    const stopped = provider.stop();
    await pass(clock, 5_000);
    await stopped;
  };
  const stored = async () => (await storage.list('jobs', { limit: 1_000 })).length;
  return { clock, storage, run, ask, stop, stored, starts: () => starts };
}

test('after a restart the same job gets the same answer and receipt, and nothing runs', async () => {
  const { run, ask, stop, starts } = await setup();
  const asked = job();
  const first = await run();
  const before = await ask(first, asked);
  await stop(first);
  const after = await ask(await run(), asked);
  expect(textOfRaw(after)).toBe('answer 1');
  expect(last(after)).toEqual(last(before));
  expect(starts()).toBe(1);
});

test('what was paid for an answer is known after a restart: nothing of it is due again', async () => {
  const world = createWorld();
  const storage = createMemoryStorage();
  const bank = createBank();
  const purse = bank.purse(1);
  const asker = await world.asker(100, { purse });
  const shop = async (seed: number) => {
    const answers = createAnswerStore({ storage, clock: world.clock, logger: silentLogger });
    return world.worker(seed, { price: paidPrice, answerTokens: 50, provider: { answers, till: bank.till(7) } });
  };
  const first = await shop(1);
  const paid = follow(asker.consumer, { ...chat('hello'), budget: '1000' } as AskRequest);
  await until(world.clock, () => paid.over);
  const { job: asked } = paid.state;
  const stopped = first.provider.stop();
  await pass(world.clock, 5_000);
  await stopped;
  const second = await shop(2);
  const raw = await openRaw(asker.net, second.net.self);
  await raw.send({ t: 'open', job: asked! });
  await until(world.clock, () => last(raw)?.t === 'finish');
  expect(raw.frames[0]).toEqual({ t: 'accepted', position: 0, etaMs: 0, tokensIn: 0, paid: paid.state.cost!.total });
});

test('the id of an answered job is not free for another one after a restart', async () => {
  const { run, ask, stop } = await setup();
  const asked = job();
  const first = await run();
  await ask(first, asked);
  await stop(first);
  const other = { ...asked, salt: 'ab'.repeat(16) };
  expect(last(await ask(await run(), other))).toMatchObject({ t: 'refused', code: 'bad-request' });
});

test('what has expired is removed, from the memory and from the storage', async () => {
  const { clock, run, ask, stop, stored, starts } = await setup();
  const asked = job();
  const first = await run();
  await ask(first, asked);
  await stop(first);
  expect(await stored()).toBe(1);
  await pass(clock, limits.jobRecordTtlMs);
  const second = await run();
  await pass(clock, 110);
  expect(await stored()).toBe(0);
  expect(textOfRaw(await ask(second, asked))).toBe('answer 2');
  expect(starts()).toBe(2);
  // The records of a run that goes on are removed from the storage when they leave the memory.
  await pass(clock, limits.jobRecordTtlMs + 1);
  await ask(second, job());
  await pass(clock, 10);
  expect(await stored()).toBe(1);
});

test.each([
  ['no record', 'x'],
  ['frames that are none', { frames: [new Uint8Array(3)] }],
  ['no frames', { frames: [] }],
])('%s is removed, and the rest is read', async (_name, damage) => {
  const { clock, storage, run, ask, stop, stored, starts } = await setup();
  const asked = job();
  const first = await run();
  await ask(first, asked);
  await stop(first);
  const [entry] = await storage.list('jobs', { limit: 1 });
  const damaged = typeof damage === 'string' ? damage : { ...(entry!.value as object), ...damage };
  await storage.put('jobs', `${entry!.key}0`, damaged);
  const second = await run();
  await pass(clock, 110);
  expect(await stored()).toBe(1);
  await ask(second, asked);
  expect(starts()).toBe(1);
});

test('a storage that fails costs the record and nothing else', async () => {
  const { run, ask, storage } = await setup();
  const fail = async () => Promise.reject(new Error('no disk'));
  const broken = await run({ ...storage, list: fail, batch: fail });
  expect(last(await ask(broken, job()))).toMatchObject({ t: 'finish' });
});

test('the answer of an asker that cannot come again is kept in memory alone', async () => {
  const { run, ask, stop, stored, starts } = await setup();
  const [asked, askers] = [job(), [] as PeerId[]];
  const first = await run(undefined, (asker) => (askers.push(asker), false));
  await ask(first, asked);
  await ask(first, asked);
  expect([starts(), await stored(), askers.length]).toEqual([1, 0, 1]);
  await stop(first);
  await ask(await run(), asked);
  expect(starts()).toBe(2);
});

test('a refusal is not kept', async () => {
  const { clock, run, ask, stored } = await setup();
  const worker = await run();
  await ask(worker, job({ tier: 'verified' } as Partial<Job>));
  await pass(clock, 10);
  expect(await stored()).toBe(0);
});
