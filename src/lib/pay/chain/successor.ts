import type { Hash } from 'viem';
import type { AbortOptions } from '#lib/base/abort.ts';
import type { Address, ContractCall } from '../spec.ts';
import type { RpcClient } from './rpc-client.ts';

/** Blocks scanned per call; the rest is scanned by the next. */
const blocksMax = 32;

/**
 * Follows a transaction whose nonce and fees the wallet chooses. If the user speeds it up there, another transaction
 * with the same nonce makes the same call, and its hash is added to `hashes`.
 * @returns a function that tells whether the nonce has been used.
 */
export function watchNonce(
  node: RpcClient,
  {
    address,
    call,
    hashes,
    since,
  }: {
    readonly address: Address;
    readonly call: ContractCall;
    readonly hashes: Hash[];
    /** A block before the transaction was sent. */
    readonly since: bigint;
  },
  options: AbortOptions,
): () => Promise<boolean> {
  let nonce: number | null = null;
  let next = since;
  const isSame = (a: string | null, b: string) => a?.toLowerCase() === b.toLowerCase();
  return async () => {
    nonce ??= (await node.transaction(hashes[0]!, options))?.nonce ?? null;
    if (nonce === null) return false;
    const used = await node.ask((client) => client.getTransactionCount({ address, blockTag: 'latest' }), options);
    if (used <= nonce) return false;
    const { number } = await node.head(options);
    for (let looks = 0; next <= number && looks < blocksMax; looks++, next++) {
      const found = (await node.transactions(next, options)).find(
        (each) => each.nonce === nonce && isSame(each.from, address),
      );
      if (found && isSame(found.to, call.to) && isSame(found.input, call.data) && !hashes.includes(found.hash)) {
        hashes.push(found.hash);
      }
    }
    return true;
  };
}
