import { zeroHash } from 'viem';
import type { AbortOptions } from '#lib/base/abort.ts';
import { toHex } from '#lib/base/bytes.ts';
import type { Tier } from '#lib/protocol/job.ts';
import { keyFromPeerId, type PeerId } from '#lib/protocol/ids.ts';
import { payError } from './errors.ts';
import type { Address, Chain, Hex } from './spec.ts';

/**
 * What the chain says of a provider. `unregistered`: nothing, so that only the offer binds it to a peer. `described`: it names the
 * peer's key. `listed`: it has a bond of the least that counts, too.
 */
export type Registration = 'unregistered' | 'described' | 'listed';

/** The key of a peer's offers as the registry holds it. @throws for a text that is no peer id. */
export const offerKeyOf = (peer: PeerId): Hex => `0x${toHex(keyFromPeerId(peer))}`;

/**
 * Compares an offer with the registry. The offer, which its peer signed, names the provider that is paid; where the chain knows that
 * provider, it must name the peer's key.
 * @throws `provider-mismatch` where it names another, `chain-unavailable`.
 */
export async function readRegistration(
  chain: Chain,
  { provider, peer }: { readonly provider: Address; readonly peer: PeerId },
  options: AbortOptions = {},
): Promise<Registration> {
  const { offerKey, isListed } = await chain.stake(provider, options);
  if (offerKey === zeroHash) return 'unregistered';
  if (offerKey !== offerKeyOf(peer)) throw payError('provider-mismatch', { details: { provider, peer, offerKey } });
  return isListed ? 'listed' : 'described';
}

/**
 * For tiers above the open one, whose promise stands on a bond that can be lost. Nobody is trusted with one while the chain is silent.
 * @throws `provider-unlisted` where there is none, and those of {@link readRegistration}.
 */
export async function requireBond(
  chain: Chain,
  { provider, peer, tier }: Parameters<typeof readRegistration>[1] & { readonly tier: Tier },
  options: AbortOptions = {},
): Promise<void> {
  const registration = await readRegistration(chain, { provider, peer }, options);
  if (registration !== 'listed') {
    throw payError('provider-unlisted', { details: { provider, peer, tier, registration } });
  }
}
