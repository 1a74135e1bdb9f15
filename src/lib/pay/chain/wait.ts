import type { Hash, TransactionReceipt } from 'viem';
import { throwIfAborted, type AbortOptions } from '#lib/base/abort.ts';
import { errorCode } from '#lib/base/errors.ts';
import { payError } from '../errors.ts';
import type { RpcClient } from './rpc-client.ts';
import type { SubmitComponents } from './submit.ts';

/** One transaction in all the versions sent. */
export interface PendingTransaction {
  /** The hashes of every version sent; at most one of them is mined. */
  readonly hashes: readonly Hash[];
  readonly resend: () => Promise<void>;
  /** True if the nonce has been used. May add the hash of a version sent elsewhere. */
  readonly isNonceUsed: () => Promise<boolean>;
}

/**
 * Waits for the confirmations of whichever version is mined. Tolerates an unresponsive node, and resends a transaction
 * that a reorganisation drops or no block includes.
 * @throws `transaction-replaced`, `transaction-stuck`, `chain-unavailable`, and those of `resend`.
 */
export async function waitFor(
  { node, entry, clock, limits }: SubmitComponents,
  { hashes, resend, isNonceUsed }: PendingTransaction,
  options: AbortOptions,
): Promise<TransactionReceipt> {
  const startedMs = clock.elapsed();
  let sentMs = startedMs;
  let answeredMs = startedMs;
  let nonceUsedSinceMs: number | null = null;
  for (;;) {
    throwIfAborted(options.signal);
    try {
      const receipt = await findReceipt(node, hashes, options);
      const head = await node.head(options);
      answeredMs = clock.elapsed();
      if (receipt) {
        sentMs = answeredMs;
        nonceUsedSinceMs = null;
        if (head.number - receipt.blockNumber + 1n >= BigInt(entry.confirmations)) return receipt;
      } else if (await isNonceUsed()) {
        // If several nodes share an address, the receipt may lag behind the nonce; restarting too soon would pay twice.
        nonceUsedSinceMs ??= answeredMs;
        if (answeredMs - nonceUsedSinceMs >= limits.nonceLostAfterMs) {
          throw payError('transaction-replaced', { details: { hashes: [...hashes] } });
        }
      } else if (answeredMs - sentMs >= limits.resendAfterMs) {
        sentMs = answeredMs;
        await resend();
      }
    } catch (error) {
      if (errorCode(error) !== 'chain-unavailable') throw error;
      if (clock.elapsed() - answeredMs >= limits.unresponsiveMs) throw error;
    }
    if (clock.elapsed() - startedMs >= limits.transactionMs) {
      throw payError('transaction-stuck', { details: { hash: hashes[0] } });
    }
    await clock.delay(limits.pollMs, options);
  }
}

async function findReceipt(
  node: RpcClient,
  hashes: readonly Hash[],
  options: AbortOptions,
): Promise<TransactionReceipt | null> {
  for (const hash of hashes.toReversed()) {
    const receipt = await node.receipt(hash, options);
    if (receipt) return receipt;
  }
  return null;
}
