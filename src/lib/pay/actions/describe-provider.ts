import { zeroHash } from 'viem';
import type { AbortOptions } from '#lib/base/abort.ts';
import { providersCall } from '../chain/calls.ts';
import { payError } from '../errors.ts';
import type { Chain, Hex, Mined, Wallet } from '../spec.ts';
import { bytes32Schema } from '../terms.ts';

/** A provider's on-chain description, 32 bytes each: enough to verify its offers. */
export interface Description {
  /** The peer's Ed25519 public key. */
  readonly offerKey: Hex;
  /** SHA-256 of its public description and of its price list. */
  readonly metadataHash: Hex;
  readonly pricesHash: Hex;
}

/**
 * @throws `offer-key-missing` for a key of the wrong length or all zeros, `bad-terms` for malformed hashes, and those
 * of sending.
 */
export async function describeProvider(
  chain: Chain,
  sender: Wallet,
  { offerKey, metadataHash, pricesHash }: Description,
  options: AbortOptions = {},
): Promise<Mined> {
  if (!bytes32Schema.safeParse(offerKey).success || offerKey === zeroHash) throw payError('offer-key-missing');
  for (const [field, hash] of Object.entries({ metadataHash, pricesHash })) {
    if (!bytes32Schema.safeParse(hash).success) throw payError('bad-terms', { details: { field } });
  }
  const call = providersCall(chain.entry, { functionName: 'describe', args: [offerKey, metadataHash, pricesHash] });
  return chain.transact(sender, call, options);
}
