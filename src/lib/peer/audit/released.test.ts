import { expect, test } from 'vitest';
import { errorCode } from '#lib/base/errors.ts';
import { silentLogger } from '#lib/base/logger.ts';
import type { Envelope, Signer } from '#lib/protocol/envelope.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { signAuditRecord } from '#lib/trust/audit-records.ts';
import { auditShareOf } from '#lib/trust/audit-share.ts';
import { openReceipt } from '#lib/trust/receipt.ts';
import { createAuditBook } from '../tiers/audits.ts';
import { signerOf } from '../town.fixture.ts';
import { createBookStore } from './book-store.ts';
import { createFollowStore } from './follow-store.ts';
import { noteAudits } from './note-audits.ts';
import { cheatsAnswer, createAuditTown, honestAnswer, judged } from './town.fixture.ts';

const minuteMs = 60_000;

/** By an asker that runs no audits itself. */
const releaseOf = (envelope: Envelope, asker: Signer) => {
  const { hash: receipt, record } = openReceipt(envelope);
  return signAuditRecord('release', { jobId: record.jobId, receipt, asker: asker.peer, releasedAt: 1 }, asker);
};
async function bookOf(self: string) {
  const book = createAuditBook();
  const store = createBookStore({ storage: createMemoryStorage(), logger: silentLogger });
  return { book, onEffect: await noteAudits(self, book, store) };
}

test('a friend that releases what passes buys its worker neither a name, nor a smaller share, nor a series', async () => {
  const town = await createAuditTown();
  const { book, onEffect } = await bookOf('relay');
  const relay = await town.join(40, {
    known: book.of,
    onEffect,
    judge: () => ({ ...judged('passed'), margins: [0, 0] }),
  });
  const worker = await town.worker(1);
  const friend = signerOf(60);
  for (let jobs = 0; jobs < 60; jobs++) {
    const { envelope, shown } = worker.answer(friend, honestAnswer);
    relay.auditing.follow(envelope, shown, releaseOf(envelope, friend));
  }
  const last = worker.answer(relay.signer, honestAnswer);
  relay.auditing.follow(last.envelope, last.shown, 'here');
  await town.clock.advance(30 * minuteMs);
  expect(relay.auditing.progress(openReceipt(last.envelope).hash)).toEqual({ phase: 'settled', outcome: 'passed' });
  expect(book.of(worker.signer.peer)).toEqual({
    receipts: 61,
    audited: 0,
    margin: undefined,
    validators: 0,
    convictions: 0,
  });
  expect(auditShareOf(book.of(worker.signer.peer), 20_000)).toBe(250_000);
  // What nobody chose counts as ever.
  const canary = worker.answer(relay.signer, honestAnswer);
  relay.auditing.follow(canary.envelope, canary.shown);
  await town.clock.advance(30 * minuteMs);
  expect(book.of(worker.signer.peer)).toMatchObject({ audited: 1 });
});

test('a cheat is convicted by a job that its asker has released, at all who listen', async () => {
  const town = await createAuditTown();
  await Promise.all(town.judges.map((number) => town.join(number)));
  const { book, onEffect } = await bookOf('listener');
  await town.join(50, { onEffect });
  // Neither is planted, whatever its auditor plants.
  const relay = await town.join(40, { plant: () => 'planted-innocent' });
  const cheat = await town.worker(2);
  const asker = signerOf(60);
  const { envelope, shown } = cheat.answer(asker, cheatsAnswer);
  const receipt = openReceipt(envelope).hash;
  relay.auditing.follow(envelope, shown, releaseOf(envelope, asker));
  expect(relay.auditing.progress(receipt)).toEqual({ phase: 'receipted' });
  await town.clock.advance(60 * minuteMs);
  expect(book.of(cheat.signer.peer)).toMatchObject({ audited: 1, convictions: 1 });
  expect(relay.auditing.progress(receipt)).toEqual({ phase: 'settled', outcome: 'convicted' });
});

test('text that was forged after the answer, and a job that another released, are caught by the receipt', async () => {
  const town = await createAuditTown();
  const relay = await town.join(40);
  const worker = await town.worker(1);
  const [asker, other] = [signerOf(60), signerOf(61)];
  const { envelope, shown } = worker.answer(asker, honestAnswer);
  const codeOf = (change: Partial<typeof shown>, release: Envelope) => {
    try {
      relay.auditing.follow(envelope, { ...shown, ...change }, release);
    } catch (error) {
      return errorCode(error);
    }
    return undefined;
  };
  const release = releaseOf(envelope, asker);
  const asked = { messages: [{ role: 'user' as const, content: 'Another question' }] };
  expect(codeOf({ parts: [{ ...shown.parts[0]!, text: 'Forged' } as never] }, release)).toBe('bad-request');
  expect(codeOf({ job: { ...shown.job, input: asked } as never }, release)).toBe('bad-request');
  expect(codeOf({ job: { ...shown.job, params: { maxTokens: 64, temperature: 1 } } as never }, release)).toBe(
    'bad-request',
  );
  expect(codeOf({}, releaseOf(envelope, other))).toBe('bad-request');
  expect(codeOf({}, releaseOf(worker.answer(asker, honestAnswer).envelope, asker))).toBe('bad-request');
  expect(codeOf({}, { ...release, sig: new Uint8Array(64) })).toBe('bad-signature');
  expect(codeOf({}, release)).toBeUndefined();
});

test('a restart makes no canary of what was released, and to release it again is no second chance', async () => {
  const town = await createAuditTown();
  const storage = createMemoryStorage();
  const followStore = createFollowStore({ storage, logger: silentLogger });
  const first = await town.join(40, { followStore });
  const worker = await town.worker(1);
  const asker = signerOf(60);
  const { envelope, shown } = worker.answer(asker, honestAnswer);
  first.auditing.follow(envelope, shown, releaseOf(envelope, asker));
  first.auditing.follow(envelope, shown, releaseOf(envelope, asker));
  await town.clock.advance(1_000);
  expect(await followStore.read()).toMatchObject([{ counts: 'against' }]);
  await first.auditing.stop();
  await first.net.stop();
  const { book, onEffect } = await bookOf('relay');
  const second = await town.join(40, { followStore, onEffect });
  await town.clock.advance(30 * minuteMs);
  const receipt = openReceipt(envelope).hash;
  expect(second.auditing.progress(receipt)).toEqual({ phase: 'settled', outcome: 'passed' });
  second.auditing.follow(envelope, shown, releaseOf(envelope, asker));
  expect(second.auditing.progress(receipt)).toEqual({ phase: 'settled', outcome: 'passed' });
  expect(book.of(worker.signer.peer)).toMatchObject({ audited: 0 });
});

test('what is released crowds out no canary, and is let go itself where there is too much of it', async () => {
  const town = await createAuditTown();
  const relay = await town.join(40);
  const worker = await town.worker(1);
  const canary = worker.answer(relay.signer, honestAnswer);
  relay.auditing.follow(canary.envelope, canary.shown);
  const released = Array.from({ length: 257 }, () => worker.answer(relay.signer, honestAnswer));
  for (const { envelope, shown } of released) relay.auditing.follow(envelope, shown, 'here');
  const progress = released.map(({ envelope }) => relay.auditing.progress(openReceipt(envelope).hash));
  expect(progress[0]).toBeUndefined();
  expect(progress.filter((one) => one?.phase === 'receipted')).toHaveLength(256);
  await town.clock.advance(30 * minuteMs);
  const settled = relay.effects.flatMap((one) =>
    one.of === 'audit' && 'counts' in one.effect && one.effect.counts === 'both' ? [one.effect.outcome] : [],
  );
  expect(settled).toEqual(['passed']);
});
