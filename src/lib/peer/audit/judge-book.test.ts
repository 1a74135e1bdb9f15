import { expect, test } from 'vitest';
import { runPending } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { signerOf } from '../town.fixture.ts';
import { openJudgeBook } from './judge-book.ts';
import { createAuditTown, honestAnswer, judged } from './town.fixture.ts';

const minuteMs = 60_000;

test('what is planted shows who did not look, and trials that are heard again count once', async () => {
  const storage = createMemoryStorage();
  const warned: unknown[] = [];
  const logger = { ...silentLogger, warn: (event: string, details: unknown) => void warned.push([event, details]) };
  const open = () => openJudgeBook({ storage, logger });
  const town = await createAuditTown({ validators: 3 });
  const lazy = signerOf(20).peer;
  for (const number of town.judges)
    await town.join(number, { judge: () => judged(number === 20 ? 'failed' : 'passed') });
  const honest = await town.worker(1);
  const asker = await town.join(40, { plant: (score) => (score === 'passed' ? 'planted-innocent' : undefined) });
  for (let count = 0; count < 3; count++) {
    const { envelope, shown } = honest.answer(asker.signer, honestAnswer);
    asker.auditing.follow(envelope, shown);
  }
  await town.clock.advance(60 * minuteMs);
  const book = await open();
  for (const effect of asker.effects) book.note(effect);
  const standing = Object.fromEntries(book.entries());
  expect(standing[lazy]).toEqual({ seats: 3, faults: { 'missed-plant': 3 } });
  expect(standing[signerOf(21).peer]).toEqual({ seats: 3, faults: {} });
  expect(warned).toEqual([['validator-unfit', { validator: lazy, 'missed-plant': 3 }]]);
  await runPending();
  const again = await open();
  for (const effect of asker.effects) again.note(effect);
  expect(Object.fromEntries(again.entries())).toEqual(standing);
  expect(warned).toHaveLength(1);
});

test('what is stored and does not fit is passed over', async () => {
  const storage = createMemoryStorage();
  await storage.put('receipts', `audit/judge/${signerOf(20).peer}`, { seats: -1 });
  expect((await openJudgeBook({ storage, logger: silentLogger })).entries()).toEqual([]);
});
