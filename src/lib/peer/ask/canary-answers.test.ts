import { expect, test } from 'vitest';
import type { Part } from '#lib/protocol/part.ts';
import { tryOpenReceipt } from '#lib/trust/check.ts';
import { isReceipted } from '#lib/trust/released.ts';
import { chat, createWorld, follow, pass, until } from '../peer.fixture.ts';
import { wholeOf, type AnsweredCanary } from './auditions.ts';

test('what was asked and answered as a canary is told with its receipt, and nobody’s own question is', async () => {
  const world = createWorld();
  const workers = [await world.worker(1), await world.worker(2), await world.worker(3)];
  const canaries: AnsweredCanary[] = [];
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
