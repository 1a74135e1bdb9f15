import { expect, test } from 'vitest';
import { limits } from '#lib/protocol/limits.ts';
import type { Part } from '#lib/protocol/part.ts';
import { tryOpenReceipt } from '#lib/trust/check.ts';
import { isReceipted } from '#lib/trust/released.ts';
import { chat, createWorld, follow, pass, until } from '../peer.fixture.ts';
import { withAnswer, type AnsweredJob } from './answered-job.ts';
import { wholeOf } from './auditions.ts';

test('what was asked and answered as a canary is told with its receipt, and nobody’s own question is', async () => {
  const world = createWorld();
  const workers = [await world.worker(1), await world.worker(2), await world.worker(3)];
  const canaries: AnsweredJob[] = [];
  const asker = await world.asker(9, { onCanary: (canary) => canaries.push(canary) });
  const asked = new Set<string>();
  for (let job = 0; job < 120; job++) {
    for (const { announce } of workers) announce();
    const own = follow(asker.consumer, chat(`question ${job}`));
    await until(world.clock, () => own.over);
    asked.add(own.state.job!.id);
  }
  await pass(world.clock, 20_000);
  expect(canaries.length).toBeGreaterThan(0);
  for (const { job, parts, receipt } of canaries) {
    expect(asked.has(job.id)).toBe(false);
    const { record } = tryOpenReceipt(receipt)!;
    const { budget: _, payment: __, ...shown } = job;
    expect(record.asker).toBe(asker.net.self);
    expect(isReceipted(record, shown, parts)).toBe(true);
  }
});

test('each canary asks once what it may cost, and gives that back when it is over, whatever the books say', async () => {
  const world = createWorld();
  const workers = [await world.worker(1), await world.worker(2), await world.worker(3)];
  const [asked, canaries]: [string[], string[]] = [[], []];
  let ended = 0;
  const end = () => void (ended += 1);
  const asker = await world.asker(9, {
    purse: { open: () => Promise.reject(new Error('nobody here has a price')) },
    onCanary: ({ job }) => canaries.push(job.id),
    payCanary: async (id) => {
      asked.push(id);
      if (asked.length % 2 === 0) throw new Error('the books are closed');
      return { budget: '100', priceMax: { in: '1', out: '1' }, end };
    },
  });
  for (let job = 0; job < 120; job++) {
    for (const { announce } of workers) announce();
    const own = follow(asker.consumer, chat(`question ${job}`));
    await until(world.clock, () => own.over);
  }
  await pass(world.clock, 20_000);
  expect(canaries.length).toBeGreaterThan(1);
  expect(asked).toEqual(expect.arrayContaining(canaries));
  expect(new Set(asked).size).toBe(asked.length);
  expect(ended).toBe(Math.ceil(asked.length / 2));
});

test('an answer is told for checking where its asker has released it, and no other is', async () => {
  const world = createWorld();
  const { announce } = await world.worker(1);
  const told: AnsweredJob[] = [];
  const asker = await world.asker(9, { onReleased: (job) => told.push(job) });
  announce();
  const [kept, released] = [chat('mine'), { ...chat('to be checked'), release: true as const }];
  for (const request of [kept, released]) {
    const own = follow(asker.consumer, request);
    await until(world.clock, () => own.over);
  }
  expect(told).toHaveLength(1);
  const { job, parts, receipt } = told[0]!;
  expect(JSON.stringify(job.input)).toContain('to be checked');
  // It is the asker's own matter, and no worker learns of it.
  expect(job).not.toHaveProperty('release');
  expect(isReceipted(tryOpenReceipt(receipt)!.record, job, parts)).toBe(true);
});

test('an answer that another worker went on with, or that has too many parts, is told to nobody', async () => {
  const tell = async (job: object, count: number) => {
    const told: AnsweredJob[] = [];
    const part = { type: 'text-delta', text: 'a', tokens: 1, ids: [7] };
    async function* events() {
      yield { type: 'worker-chosen', job };
      for (let at = 0; at < count; at++) yield { type: 'part-received', part };
      yield { type: 'job-finished', receipt: { receipt: {} } };
    }
    let passed = 0;
    for await (const _ of withAnswer(events() as never, (one) => told.push(one))) passed += 1;
    return [told.length, passed];
  };
  expect(await tell({}, limits.auditPartsMax)).toEqual([1, limits.auditPartsMax + 2]);
  expect(await tell({}, limits.auditPartsMax + 1)).toEqual([0, limits.auditPartsMax + 3]);
  expect(await tell({ resume: { tokens: 4 } }, 1)).toEqual([0, 3]);
});

test('an answer has its tokens where each piece came with its own', () => {
  const [one, two]: [Part, Part] = [
    { type: 'text-delta', text: 'a', tokens: 1, ids: [7] },
    { type: 'text-delta', text: 'b', tokens: 1 },
  ];
  const end = { type: 'text-delta', text: '', tokens: 0 } satisfies Part;
  expect(wholeOf([one, end])).toEqual({ text: 'a', ids: [7] });
  expect(wholeOf([one, two])).toEqual({ text: 'ab', ids: undefined });
  expect(wholeOf([])).toEqual({ text: '', ids: [] });
});
