import { expect, test } from 'vitest';
import { silentLogger } from '#lib/base/logger.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import type { AuditOutcomeEffect } from './auditing.ts';
import { createFollowStore } from './follow-store.ts';
import { createAuditJournal } from './journal.ts';
import { cheatsAnswer, createAuditTown, weights } from './town.fixture.ts';

const minuteMs = 60_000;

test('an auditor that is stopped in each phase of an audit goes on, and its accusation is upheld', async () => {
  const town = await createAuditTown({ validators: 3 });
  const storage = createMemoryStorage();
  const store = createFollowStore({ storage, logger: silentLogger });
  const journal = createAuditJournal({ storage, clock: town.clock, logger: silentLogger });
  const effects: AuditOutcomeEffect[] = [];
  const stoppedIn: string[] = [];
  const never = new Promise<never>(() => undefined);
  const join = () =>
    town.join(40, {
      journal,
      followStore: store,
      // Its process ends while it scores.
      scorer: {
        has: () => true,
        score: (...asked) => (stoppedIn.includes('opened') ? weights(40).score(...asked) : never),
      },
      onEffect: (effect) => effects.push(effect),
    });
  await Promise.all(town.judges.map((number) => town.join(number)));
  const cheat = await town.worker(2, { appeals: false });
  let asker = await join();
  const { envelope, shown } = cheat.answer(asker.signer, cheatsAnswer);
  asker.auditing.follow(envelope, shown);

  for (let step = 0; stoppedIn.length < 5 && step < 2_000; step++) {
    await town.clock.advance(1_000);
    const [one] = await store.read();
    if (!one || stoppedIn.includes(one.phase)) continue;
    stoppedIn.push(one.phase);
    // A worker that does not answer at once, so that it is waited for.
    if (one.phase === 'committed') await cheat.auditing.stop();
    if (one.phase === 'picked') await cheat.auditing.start();
    await asker.auditing.stop();
    await asker.net.stop();
    await town.clock.advance(2_000);
    asker = await join();
  }
  expect(stoppedIn).toEqual(['receipted', 'committed', 'picked', 'opened', 'tried']);
  await town.clock.advance(26 * 60 * minuteMs);
  const told = effects.flatMap((one) => (one.of === 'audit' ? [one.effect] : []));
  expect(told.filter(({ type }) => type === 'unresponsive')).toEqual([]);
  expect(told.filter(({ type }) => type === 'accuse')).toHaveLength(1);
  expect(told.findLast(({ type }) => type === 'settled')).toMatchObject({ outcome: 'convicted' });
  expect(await store.read()).toEqual([]);
});

test('what is stored and does not fit is passed over', async () => {
  const storage = createMemoryStorage();
  const store = createFollowStore({ storage, logger: silentLogger });
  await storage.put('receipts', 'audit/followed/a', { phase: 'opened' });
  await storage.put('receipts', 'audit/followed/b', 'nothing');
  expect(await store.read()).toEqual([]);
});
