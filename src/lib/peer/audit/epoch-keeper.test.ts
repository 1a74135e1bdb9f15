import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createSigner, type Envelope } from '#lib/protocol/envelope.ts';
import { chat } from '#lib/protocol/kinds/chat.ts';
import type { Job } from '#lib/protocol/job.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { chainStart } from '#lib/trust/chain.ts';
import { commitEpoch, provesInclusion } from '#lib/trust/epoch.ts';
import { createOutputRoot } from '#lib/trust/output-root.ts';
import { issueReceipt, receiptHash } from '#lib/trust/receipt.ts';
import { openEpochKeeper } from './epoch-keeper.ts';
import { createSeenEpochs } from './seen-epochs.ts';

const signer = createSigner(new Uint8Array(32).fill(1));
const asker = createSigner(new Uint8Array(32).fill(2));
const receiptAt = (issuedAt: number): Envelope =>
  issueReceipt(
    {
      job: {
        id: issuedAt.toString(16).padStart(32, '0'),
        artefact: 'a'.repeat(64),
        model: 'demo',
        kind: 'chat',
        input: { messages: [{ role: 'user', content: 'Hello' }] },
        params: { maxTokens: 16 },
        tier: 'verified',
        deadlineMs: 60_000,
        salt: 'ab'.repeat(16),
      } as Job,
      asker: asker.peer,
      engine: { name: 'scripted', build: '1', deviceClass: 'cpu' },
      output: createOutputRoot(chat.outputHash).summary(),
      reason: 'stop',
      tokensIn: 1,
      timings: { queuedMs: 0, ttftMs: 0, decodeMs: 0 },
      price: { in: '0', out: '0' },
      issuedAt,
      prevWorker: chainStart,
    },
    signer,
  ).envelope;

function world() {
  const issued: { readonly at: number; readonly envelope: Envelope }[] = [];
  const storage = createMemoryStorage();
  const open = () =>
    openEpochKeeper({
      signer,
      storage,
      clock: manualClock(),
      issuedBetween: async (from, until) =>
        issued.flatMap(({ at, envelope }) => (at >= from && at < until ? [{ key: String(at), envelope }] : [])),
      read: async (key) => issued.find(({ at }) => String(at) === key)?.envelope,
    });
  const issue = (...times: readonly number[]) => {
    for (const at of times) issued.push({ at, envelope: receiptAt(at) });
  };
  return { open, issue, issued };
}

test('each receipt is in one epoch, epochs follow each other, and empty ones are left out', async () => {
  const { open, issue, issued } = world();
  const keeper = await open();
  expect(await keeper.commit(1_000)).toBeUndefined();
  issue(1, 2, 999, 1_000);
  const first = await keeper.commit(1_000);
  expect(first!.record).toMatchObject({ epoch: 0, from: 0, until: 1_000, count: 3, previous: chainStart });
  expect(await keeper.commit(1_000)).toBeUndefined();
  expect(await keeper.commit(900)).toBeUndefined();
  const second = await keeper.commit(3_000);
  expect(second!.record).toMatchObject({ epoch: 1, from: 1_000, until: 3_000, count: 1, previous: first!.hash });
  const hash = receiptHash(issued[1]!.envelope);
  const none = 'f'.repeat(64);
  const frames = await keeper.open({ t: 'open-leaves', epoch: first!.hash, indices: [0, 99], receipts: [hash, none] });
  expect(frames).toContainEqual({ t: 'absent', receipt: none });
  const leaves = frames.flatMap((frame) => (frame.t === 'leaf' ? [frame] : []));
  expect(leaves.length).toBeGreaterThanOrEqual(1);
  for (const { index, path, receipt } of leaves)
    expect(provesInclusion({ index, path, receipt: receiptHash(receipt) }, first!.record)).toBe(true);
  await expect(keeper.open({ t: 'open-leaves', epoch: none, indices: [0], receipts: [] })).rejects.toMatchObject({
    code: 'epoch-unknown',
  });
});

test('a worker that was started again goes on from its last epoch, and opens the ones before', async () => {
  const { open, issue } = world();
  issue(1, 1_500);
  const first = await (await open()).commit(1_000);
  const again = await open();
  expect((await again.open({ t: 'open-leaves', epoch: first!.hash, indices: [0], receipts: [] })).length).toBe(1);
  const second = await again.commit(2_000);
  expect(second!.record).toMatchObject({ epoch: 1, from: 1_000, previous: first!.hash });
});

test('commitments are known by when they were first heard; two of one epoch are told', () => {
  const terms = { worker: signer.peer, epoch: 0, from: 0, until: 1_000, count: 1, tokens: 1, previous: chainStart };
  const one = commitEpoch({ ...terms, root: 'a'.repeat(64) }, signer);
  const other = commitEpoch({ ...terms, root: 'b'.repeat(64) }, signer);
  const next = commitEpoch(
    { ...terms, root: 'c'.repeat(64), epoch: 1, from: 1_000, until: 2_000, previous: one.hash },
    signer,
  );
  const told: unknown[] = [];
  const seen = createSeenEpochs((...pair) => told.push(pair));
  expect(seen.note(one, 5)).toBeUndefined();
  expect(seen.note(one, 9)).toBe('stale-epoch');
  expect(seen.seenAt(one.hash)).toBe(5);
  expect(seen.note(other, 10)).toBe('equivocation');
  expect(told).toEqual([[one, other]]);
  expect(seen.seenAt(other.hash)).toBeUndefined();
  expect(seen.note(next, 11)).toBeUndefined();
  const gap = commitEpoch({ ...terms, root: 'd'.repeat(64), epoch: 7, from: 9_000, until: 9_001 }, signer);
  expect(seen.note(gap, 12)).toBe('epoch-gap');
  expect(seen.seenAt(gap.hash)).toBe(12);
});
