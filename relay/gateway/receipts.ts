import type { ReceiptBook } from '#lib/peer/receipt-book.ts';
import { decodeCbor } from '#lib/protocol/cbor.ts';
import { receiptSchema, type SignedReceipt } from '#lib/protocol/receipt.ts';

/** The receipts that this gateway has taken, by job: one for each worker that delivered something. */
export interface ReceiptIndex {
  /** Oldest first. Empty if there is none, or it is older than the thousand that are kept at hand. */
  find(job: string): Promise<readonly SignedReceipt[]>;
}

const jobsMax = 1_000;

export function createReceiptIndex(book: Pick<ReceiptBook, 'entries' | 'read' | 'onRecord'>): ReceiptIndex {
  const keys = new Map<string, readonly string[]>();
  const add = (job: string, key: string) => {
    const known = keys.get(job) ?? [];
    keys.set(job, known.includes(key) ? known : [...known, key]);
    for (const oldest of keys.keys()) {
      if (keys.size <= jobsMax) break;
      keys.delete(oldest);
    }
  };
  book.onRecord(({ side, receipt, key }) => {
    if (side === 'worker') add(receipt.jobId, key);
  });
  /** Those stored before this process started are read once, at the first job that is not known. */
  let reading: Promise<void> | undefined;
  const readStored = async () => {
    const stored = await book.entries('asker', jobsMax);
    for (const { key, signed } of stored.toReversed()) {
      add(decodeCbor(receiptSchema, signed.receipt.payload, 'bad-record').jobId, key);
    }
  };
  return {
    async find(job) {
      if (!keys.has(job)) await (reading ??= readStored());
      const found = await Promise.all((keys.get(job) ?? []).map((key) => book.read(key)));
      return found.filter((signed) => signed !== undefined);
    },
  };
}
