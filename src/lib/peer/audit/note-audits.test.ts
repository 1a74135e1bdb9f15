import { expect, test } from 'vitest';
import { createAuditBook } from '../tiers/audits.ts';
import { noteAudits } from './note-audits.ts';
import { cheatsAnswer, createAuditTown, honestAnswer, judged } from './town.fixture.ts';
import type { AuditOutcomeEffect } from './auditing.ts';

const minuteMs = 60_000;

/** A peer of the town that writes what it hears into a book. */
function bookOf(self: string) {
  const book = createAuditBook();
  const note = noteAudits(self, book);
  return { book, onEffect: (effect: AuditOutcomeEffect) => note(effect) };
}

test('who only listens knows the cheat as convicted, by whom, and the honest worker as accused and not convicted', async () => {
  const town = await createAuditTown();
  const { book, onEffect } = bookOf('listener');
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
    audited: 1,
    margin: undefined,
    validators: 3,
    convictions: 0,
  });
});

test('whoever scores an answer itself has its margin; one that was judged neither way was not audited', async () => {
  const town = await createAuditTown();
  const { book, onEffect } = bookOf('asker');
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

test('a conviction lasts until an appeal lifts it, and two signed histories are one that nothing lifts', () => {
  const { book, onEffect } = bookOf('self');
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
