import type { ReceiptBook } from '#lib/peer/receipt-book.ts';
import { decodeCbor } from '#lib/protocol/cbor.ts';
import { receiptSchema } from '#lib/protocol/receipt.ts';
import type { ReceiptedView } from '#lib/state/network.ts';

const receiptsMax = 1_000;
const modelsMax = 16;

/**
 * What each peer has done for this device, by its latest thousand receipts. Only those count that this device has
 * countersigned, which it does after every check; they are its own, so their signatures are not checked again.
 */
export async function readReceipted(book: Pick<ReceiptBook, 'list'>): Promise<readonly ReceiptedView[]> {
  const peers = new Map<string, ReceiptedView>();
  const decodeMs = new Map<string, number>();
  for (const { receipt, countersign } of await book.list('asker', receiptsMax)) {
    if (!countersign) continue;
    const { worker, asker, model, tokensOut, resumedTokens, timings, issuedAt } = decodeCbor(
      receiptSchema,
      receipt.payload,
    );
    if (worker === asker) continue;
    const before = peers.get(worker);
    const tokens = (before?.tokens ?? 0) + Math.max(0, tokensOut - resumedTokens);
    const writtenMs = (decodeMs.get(worker) ?? 0) + timings.decodeMs;
    decodeMs.set(worker, writtenMs);
    peers.set(worker, {
      peer: worker,
      answers: (before?.answers ?? 0) + 1,
      tokens,
      tps: writtenMs > 0 ? (tokens * 1_000) / writtenMs : undefined,
      models: [...new Set([...(before?.models ?? []), model])].slice(0, modelsMax),
      lastAt: Math.max(before?.lastAt ?? 0, issuedAt),
    });
  }
  return [...peers.values()].sort((a, b) => b.tokens - a.tokens || (a.peer < b.peer ? -1 : 1));
}
