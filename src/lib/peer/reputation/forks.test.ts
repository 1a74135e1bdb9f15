import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { chat } from '#lib/protocol/kinds/chat.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import type { Fork } from '#lib/trust/chain.ts';
import { createOutputRoot } from '#lib/trust/output-root.ts';
import { issueReceipt } from '#lib/trust/receipt.ts';
import { job } from '../peer.fixture.ts';
import { forksMax, openForkBook } from './forks.ts';

const signerOf = (n: number) => createSigner(Uint8Array.of(n >> 8, n, ...new Uint8Array(30).fill(7)));

function forkOf(n: number, prev = 'ab'.repeat(32)): Fork {
  const [left, right] = [1, 2].map(
    (issuedAt) =>
      issueReceipt(
        {
          job: job(),
          asker: signerOf(0).peer,
          engine: { name: 'scripted', build: '', deviceClass: '' },
          output: createOutputRoot(chat.outputHash).summary(),
          reason: 'stop',
          tokensIn: 0,
          timings: { queuedMs: 0, ttftMs: 0, decodeMs: 0 },
          price: { in: '0', out: '0' },
          issuedAt,
          prevWorker: prev,
        },
        signerOf(n),
      ).envelope,
  ) as [Fork['left'], Fork['right']];
  return { side: 'worker', left, right } as Fork;
}

const open = (storage = createMemoryStorage(), knows: (peer: string) => boolean = () => false) =>
  openForkBook({ storage, clock: manualClock(), logger: silentLogger, knows });

test('a proof is kept and told once, what proves nothing is not, and a later start knows it', async () => {
  const storage = createMemoryStorage();
  const book = await open(storage);
  const told: string[] = [];
  book.onAdded(({ peer }) => told.push(peer));
  const fork = forkOf(1);
  expect(book.add({ ...fork, right: fork.left } as Fork)).toBe(false);
  expect(book.add(forkOf(2, '0'.repeat(64)))).toBe(false);
  expect([book.add(fork), book.add(fork), book.add(forkOf(1, 'cd'.repeat(32)))]).toEqual([true, true, true]);
  expect(told).toEqual([signerOf(1).peer]);
  expect((await open(storage)).list()).toEqual(book.list());
});

test('a storage that fails costs the proofs and nothing else', async () => {
  const broken = { ...createMemoryStorage(), list: () => Promise.reject(new Error('gone')) };
  expect((await open(broken)).list()).toEqual([]);
});

test('strangers’ proofs give way before those of peers that this one knows', async () => {
  const known = signerOf(1).peer;
  const book = await open(undefined, (peer) => peer === known);
  for (let n = 1; n <= forksMax + 2; n++) book.add(forkOf(n));
  expect(book.list()).toHaveLength(forksMax);
  expect([book.has(known), book.has(signerOf(2).peer), book.has(signerOf(3).peer)]).toEqual([true, false, false]);
  expect(book.has(signerOf(4).peer)).toBe(true);
});
