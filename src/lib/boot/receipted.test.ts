import { expect, test } from 'vitest';
import { createSigner } from '#lib/protocol/envelope.ts';
import { chat } from '#lib/protocol/kinds/chat.ts';
import type { SignedReceipt } from '#lib/protocol/receipt.ts';
import { job } from '#lib/peer/peer.fixture.ts';
import { createOutputRoot } from '#lib/trust/output-root.ts';
import { countersign, issueReceipt } from '#lib/trust/receipt.ts';
import { readReceipted } from './receipted.ts';

const signerOf = (n: number) => createSigner(Uint8Array.of(n, ...new Uint8Array(31).fill(7)));
const me = signerOf(1);

function receipt(worker: ReturnType<typeof signerOf>, issuedAt: number, signed = true): SignedReceipt {
  const output = createOutputRoot(chat.outputHash).summary();
  const made = issueReceipt(
    {
      job: job(),
      asker: me.peer,
      engine: { name: 'scripted', build: '', deviceClass: '' },
      output: { ...output, tokens: 30 },
      reason: 'stop',
      tokensIn: 3,
      timings: { queuedMs: 0, ttftMs: 0, decodeMs: 1_000 },
      price: { in: '0', out: '0' },
      issuedAt,
      prevWorker: '0'.repeat(64),
    },
    worker,
  );
  return { receipt: made.envelope, ...(signed ? { countersign: countersign(made, '0'.repeat(64), me) } : {}) };
}

test('the work of each peer is what both have signed, most tokens first', async () => {
  const [a, b] = [signerOf(2), signerOf(3)];
  const stored = [receipt(a, 1), receipt(b, 2), receipt(b, 5), receipt(a, 9, false), receipt(me, 3)];
  const asked: unknown[] = [];
  const read = await readReceipted({ list: async (...args) => (asked.push(args), stored) });
  expect(read).toEqual([
    { peer: b.peer, answers: 2, tokens: 60, tps: 30, models: [job().model], lastAt: 5 },
    { peer: a.peer, answers: 1, tokens: 30, tps: 30, models: [job().model], lastAt: 1 },
  ]);
  expect(asked).toEqual([['asker', 1_000]]);
});

test('without receipts there is nothing to say', async () => {
  expect(await readReceipted({ list: async () => [] })).toEqual([]);
});
