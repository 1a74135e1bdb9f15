import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import type { AuditOutcomeEffect } from './auditing.ts';
import { createAuditJournal } from './journal.ts';
import { cheatsAnswer, createAuditTown } from './town.fixture.ts';

const minuteMs = 60_000;
const trialsOf = (effects: readonly AuditOutcomeEffect[]) =>
  effects.flatMap((one) => (one.of === 'trial' ? [one.effect] : []));

test('a validator that is killed before it could tell its vote tells and reveals the same one when it is back', async () => {
  const town = await createAuditTown({ validators: 3 });
  const storage = createMemoryStorage();
  const journal = createAuditJournal({ storage, clock: town.clock, logger: silentLogger });
  const [first = 0, ...others] = town.judges;
  let isDead = false;
  const killed = await town.join(first, {
    journal: {
      ...journal,
      async keepVote(reveal) {
        await journal.keepVote(reveal);
        isDead = true;
        await killed.auditing.stop();
        await killed.net.stop();
      },
    },
  });
  const rest = await Promise.all(others.map((number) => town.join(number)));
  const cheat = await town.worker(2, { appeals: false });
  const asker = await town.join(40);
  const { envelope, shown } = cheat.answer(asker.signer, cheatsAnswer);
  asker.auditing.follow(envelope, shown);
  for (let step = 0; !isDead && step < 4_000; step++) await town.clock.advance(1_000);
  const [vote] = await journal.votes();
  expect(vote).toMatchObject({ validator: killed.signer.peer, verdict: 'guilty' });

  let scored = 0;
  await town.join(first, {
    journal,
    scorer: { has: () => true, score: async () => (scored++, undefined) },
  });
  await town.clock.advance(26 * 60 * minuteMs);
  expect(scored).toBe(0);
  // What was said while it was away it does not know, and its own count of this trial is not theirs.
  for (const { effects } of [...rest, asker]) {
    const told = trialsOf(effects);
    expect(told.filter(({ type }) => type === 'fault')).toEqual([]);
    expect(told.find(({ type }) => type === 'settled')).toMatchObject({ outcome: 'convicted' });
  }
});

test('what is old, too much, or not what it should be is let go', async () => {
  const clock = manualClock();
  const storage = createMemoryStorage();
  const journal = createAuditJournal({ storage, clock, logger: silentLogger });
  journal.append(Uint8Array.of(1));
  await clock.advance(2 * 86_400_000);
  journal.append(Uint8Array.of(2));
  await storage.put('receipts', 'audit/heard/zzz', { at: 'never' });
  expect((await journal.heard()).map(({ message }) => [...message])).toEqual([[1], [2]]);
  await clock.advance(2 * 86_400_000);
  expect((await journal.heard()).map(({ message }) => [...message])).toEqual([[2]]);
  expect(await journal.votes()).toEqual([]);
});
