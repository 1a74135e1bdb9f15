import { expect, test } from 'vitest';
import { runPending } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { createAuditBook } from '../tiers/audits.ts';
import { createBookStore, noNotes } from './book-store.ts';
import { noteAudits } from './note-audits.ts';
import { signerOf } from '../town.fixture.ts';
import { cheatsAnswer, createAuditTown, honestAnswer, judged } from './town.fixture.ts';
import type { AuditOutcomeEffect } from './auditing.ts';

const minuteMs = 60_000;

/** A peer of the town that writes what it hears into a book, from where it left off. */
async function bookOf(self: string, storage = createMemoryStorage()) {
  const book = createAuditBook();
  const note = await noteAudits(self, book, createBookStore({ storage, logger: silentLogger }));
  return { book, storage, onEffect: (effect: AuditOutcomeEffect) => note(effect) };
}

test('who only listens knows the cheat as convicted, by whom, and the honest worker as accused and not convicted', async () => {
  const town = await createAuditTown();
  const { book, onEffect } = await bookOf('listener');
  await town.join(50, { onEffect });
  await Promise.all(town.judges.map((number) => town.join(number)));
  const [honest, cheat] = [await town.worker(1), await town.worker(2)];
  const [asker, harmful] = [await town.join(40), await town.join(41, { judge: () => judged('failed') })];
  for (const [by, from, answer] of [
    [asker, cheat, cheatsAnswer],
    [harmful, honest, honestAnswer],
  ] as const) {
    const { envelope, shown } = from.answer(by.signer, answer);
    by.auditing.follow(envelope, shown);
  }
  expect(book.of(cheat.signer.peer)).toBeUndefined();
  await town.clock.advance(60 * minuteMs);
  // A panel of five has the last word on the appeal.
  expect(book.of(cheat.signer.peer)).toEqual({
    receipts: 1,
    audited: 1,
    margin: undefined,
    validators: 5,
    convictions: 1,
  });
  expect(book.of(honest.signer.peer)).toEqual({
    receipts: 1,
    audited: 0,
    margin: undefined,
    validators: 3,
    convictions: 0,
  });
});

test('whoever scores an answer itself has its margin; one that was judged neither way was not audited', async () => {
  const town = await createAuditTown();
  const { book, onEffect } = await bookOf('asker');
  const honest = await town.worker(1);
  const verdicts = ['passed', 'undecided', 'passed'] as const;
  const left = [...verdicts];
  const asker = await town.join(40, { onEffect, judge: () => ({ verdict: left.shift()!, margin: 0.25 }) });
  for (const _ of verdicts) {
    const { envelope, shown } = honest.answer(asker.signer, honestAnswer);
    asker.auditing.follow(envelope, shown);
  }
  await town.clock.advance(30 * minuteMs);
  expect(book.of(honest.signer.peer)).toEqual({ receipts: 3, audited: 2, margin: 0.25, validators: 1, convictions: 0 });
});

test('a conviction lasts until an appeal lifts it, and two signed histories are one that nothing lifts', async () => {
  const { book, onEffect } = await bookOf('self');
  const trial = { accusation: { audit: 'a'.repeat(64) }, receipt: { worker: 'w' }, state: { counted: [] } };
  const tell = (type: 'derank' | 'restore') =>
    onEffect({ of: 'trial', effect: { type, worker: 'w' }, trial } as unknown as AuditOutcomeEffect);
  tell('derank');
  tell('derank');
  expect(book.of('w')?.convictions).toBe(1);
  tell('restore');
  expect(book.of('w')?.convictions).toBe(0);
  const epoch = { record: { worker: 'w' }, hash: 'b'.repeat(64) };
  onEffect({ of: 'epoch', effect: 'equivocation', one: epoch, other: epoch } as unknown as AuditOutcomeEffect);
  tell('restore');
  expect(book.of('w')).toMatchObject({ convictions: 1, audited: 0 });
});

/** A greedy answer of one engine that was scored here. */
const scoreOf = (number: number, margins: readonly number[], build = '1', verdict = 'passed') =>
  ({
    of: 'score',
    counts: 'both',
    judged: { verdict, margin: 0, margins },
    receipt: {
      hash: number.toString(16).padStart(64, '0'),
      record: { worker, artefact: 'a'.repeat(64), engine: { name: 'llama', build, deviceClass: 'cpu' } },
    },
  }) as unknown as AuditOutcomeEffect;
const [worker, self] = [signerOf(60).peer, signerOf(50).peer];
const tokens = (count: number, strange: number) => Array.from({ length: count }, (_, at) => (at < strange ? 2 : 0));

test('answers that pass one by one and are strange together convict, within so many tokens', async () => {
  const { book, onEffect } = await bookOf('self');
  // Two of thirty pass, as the judge of one answer sees it.
  let audits = 0;
  while ((book.of(worker)?.convictions ?? 0) === 0 && audits < 100) onEffect(scoreOf(audits++, tokens(30, 2)));
  expect(audits).toBe(10);
  expect(book.of(worker)).toMatchObject({ audited: 10, convictions: 1, series: { mismatches: 19 } });
  onEffect(scoreOf(audits, tokens(30, 0)));
  expect(book.of(worker)?.convictions).toBe(1);
});

test('an honest worker is cleared again and again, and each engine has a test of its own', async () => {
  const { book, onEffect } = await bookOf('self');
  for (let at = 0; at < 40; at++) onEffect(scoreOf(at, tokens(30, at % 10 === 0 ? 1 : 0)));
  expect(book.of(worker)).toMatchObject({ convictions: 0, series: { cleared: 3 } });
  for (let at = 40; at < 49; at++) onEffect(scoreOf(at, tokens(30, 2), at % 2 === 0 ? '1' : '2'));
  expect(book.of(worker)?.convictions).toBe(0);
});

test('what is scored twice, or was to be judged neither way, counts once or not', async () => {
  const { book, onEffect } = await bookOf('self');
  for (let at = 0; at < 20; at++) onEffect(scoreOf(1, tokens(30, 2)));
  for (let at = 0; at < 20; at++) onEffect(scoreOf(2 + at, tokens(30, 2), '1', 'undecided'));
  expect(book.of(worker)).toMatchObject({ audited: 1, convictions: 0, series: { tokens: 30, mismatches: 2 } });
});

test('a book goes on after a restart: counts, series, and convictions with what convicted', async () => {
  const first = await bookOf(self);
  for (let at = 0; at < 9; at++) first.onEffect(scoreOf(at, tokens(30, 2)));
  await runPending();
  const before = first.book.of(worker);
  const second = await bookOf(self, first.storage);
  expect(second.book.of(worker)).toEqual(before);
  // Known already, so that it counts for nothing.
  second.onEffect(scoreOf(8, tokens(30, 2)));
  expect(second.book.of(worker)).toEqual(before);
  second.onEffect(scoreOf(9, tokens(30, 2)));
  expect(second.book.of(worker)?.convictions).toBe(1);
  await runPending();
  const third = await bookOf(self, first.storage);
  expect(third.book.of(worker)?.convictions).toBe(1);
});

test('what is stored and does not fit is passed over', async () => {
  const storage = createMemoryStorage();
  await storage.put('receipts', `audit/book/${worker}`, { ...noNotes, audited: -1 });
  await storage.put('receipts', 'audit/book/nobody', noNotes);
  const { book } = await bookOf(self, storage);
  expect(book.of(worker)).toBeUndefined();
  expect(book.of('nobody')).toBeUndefined();
});
