import type { Hash, TransactionReceipt } from 'viem';
import { throwIfAborted, type AbortOptions } from '#lib/base/abort.ts';
import { errorCode } from '#lib/base/errors.ts';
import { payError } from '../errors.ts';
import type { RpcClient } from './rpc-client.ts';
import type { SubmitComponents } from './submit.ts';

/** One transaction, in all the forms it was sent in. */
export interface Waiting {
  /** Every form of the transaction that was ever sent; one of them at most is mined. */
  readonly hashes: readonly Hash[];
  readonly resend: () => Promise<void>;
  /** True when the nonce has been used. It may add a form of the transaction that was sent elsewhere. */
  readonly isGone: () => Promise<boolean>;
}

/**
 * Waits for the confirmations of whichever form is mined. A silent node is waited for; what a reorganisation drops, or no
 * block takes, is sent again.
 * @throws `transaction-replaced`, `transaction-stuck`, `chain-unavailable`, and what sending again throws.
 */
export async function waitFor(
  { node, entry, clock, limits }: SubmitComponents,
  { hashes, resend, isGone }: Waiting,
  options: AbortOptions,
): Promise<TransactionReceipt> {
  const startedMs = clock.elapsed();
  let sentMs = startedMs;
  let answeredMs = startedMs;
  let goneSinceMs: number | null = null;
  for (;;) {
    throwIfAborted(options.signal);
    try {
      const receipt = await findReceipt(node, hashes, options);
      const head = await node.head(options);
      answeredMs = clock.elapsed();
      if (receipt) {
        sentMs = answeredMs;
        goneSinceMs = null;
        if (head.number - receipt.blockNumber + 1n >= BigInt(entry.confirmations)) return receipt;
      } else if (await isGone()) {
        // A receipt may trail the nonce where several nodes share an address: beginning anew too soon would pay twice.
        goneSinceMs ??= answeredMs;
        if (answeredMs - goneSinceMs >= limits.goneAfterMs) {
          throw payError('transaction-replaced', { details: { hashes: [...hashes] } });
        }
      } else if (answeredMs - sentMs >= limits.resendAfterMs) {
        sentMs = answeredMs;
        await resend();
      }
    } catch (error) {
      if (errorCode(error) !== 'chain-unavailable') throw error;
      if (clock.elapsed() - answeredMs >= limits.awayMs) throw error;
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
