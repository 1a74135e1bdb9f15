import { expect, test } from 'vitest';
import { createEmitter } from '#lib/base/emitter.ts';
import type { ReceiptBook, TakenRecord } from '#lib/peer/receipt-book.ts';
import { encodeEnvelope } from '#lib/protocol/envelope.ts';
import type { SignedReceipt } from '#lib/protocol/receipt.ts';
import { openReceipt } from '#lib/trust/receipt.ts';
import { ask, finished, gatewayFixture } from './gateway.fixture.ts';
import { createReceiptIndex } from './receipts.ts';

const receiptOf = (job: string): SignedReceipt => {
  const { messages } = ask();
  const input = { messages: messages.map(({ content }) => ({ role: 'user' as const, content })) };
  const event = finished({ id: job, kind: 'chat', input, params: { maxTokens: 1 }, model: 'any', tier: 'open' }, ['x']);
  return event.type === 'job-finished' ? event.receipt : expect.unreachable();
};

const jobs = ['a'.repeat(32), 'b'.repeat(32)];

/** A book with these receipts in its storage, to which more can be added. */
function bookFixture(stored: Readonly<Record<string, SignedReceipt>>) {
  const records = createEmitter<TakenRecord>();
  const kept = new Map(Object.entries(stored));
  let reads = 0;
  const book: Pick<ReceiptBook, 'entries' | 'read' | 'onRecord'> = {
    async entries() {
      reads += 1;
      return [...kept].map(([key, signed]) => ({ key, signed })).toReversed();
    },
    read: async (key) => kept.get(key),
    onRecord: (listener) => records.listen(listener),
  };
  const take = (key: string, signed: SignedReceipt) => {
    kept.set(key, signed);
    const { record } = openReceipt(signed.receipt);
    records.emit({ side: 'worker', receipt: record, key, settled: true, link: {} as never });
  };
  return { book, take, reads: () => reads };
}

test('receipts of a job are found as they are taken, and those from before the start by one look at the storage', async () => {
  const [before, now] = [receiptOf(jobs[0]!), receiptOf(jobs[1]!)];
  const { book, take, reads } = bookFixture({ 'asker/1': before });
  const index = createReceiptIndex(book);
  take('asker/2', now);
  expect(await index.find(jobs[1]!)).toEqual([now]);
  expect(reads()).toBe(0);
  expect(await index.find(jobs[0]!)).toEqual([before]);
  expect(await index.find('c'.repeat(32))).toEqual([]);
  expect(await index.find('d'.repeat(32))).toEqual([]);
  expect(reads()).toBe(1);
});

test('GET /v1/receipts/{id} takes the id of the job or of the answer', async () => {
  const signed = receiptOf(jobs[0]!);
  const { request } = gatewayFixture(undefined, {
    receipts: createReceiptIndex(bookFixture({ 'asker/1': signed }).book),
  });
  for (const prefix of ['', 'chatcmpl-', 'cmpl-', 'resp_']) {
    const body = await (await request(`/v1/receipts/${prefix}${jobs[0]}`)).json();
    expect(body).toEqual({
      object: 'list',
      job: jobs[0],
      data: [
        {
          record: openReceipt(signed.receipt).record,
          envelope: Buffer.from(encodeEnvelope(signed.receipt)).toString('base64'),
          countersign: null,
        },
      ],
    });
  }
  const missing = await request(`/v1/receipts/${jobs[1]}`);
  expect(missing.status).toBe(404);
  expect((await missing.json()).error.code).toBe('job_unknown');
});
