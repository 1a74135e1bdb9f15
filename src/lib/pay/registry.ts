import { zeroHash } from 'viem';
import type { AbortOptions } from '#lib/base/abort.ts';
import { toHex } from '#lib/base/bytes.ts';
import type { Tier } from '#lib/protocol/job.ts';
import { keyFromPeerId, type PeerId } from '#lib/protocol/ids.ts';
import { payError } from './errors.ts';
import type { Address, Chain, Hex, Stake } from './spec.ts';

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
  named: { readonly provider: Address; readonly peer: PeerId },
  options: AbortOptions = {},
): Promise<Registration> {
  return registrationOf(await chain.stake(named.provider, options), named);
}

/** Whether the registry says that this peer answers for this account. @throws `chain-unavailable`. */
export async function isNamed(
  chain: Chain,
  { provider, peer }: Parameters<typeof readRegistration>[1],
  options: AbortOptions = {},
): Promise<boolean> {
  return (await chain.stake(provider, options)).offerKey === offerKeyOf(peer);
}

/** A bond that was looked up: a single check, which says nothing of the answers. Amounts in the smallest unit of the bond's token. */
export interface SeenBond {
  readonly chain: number;
  readonly provider: Address;
  readonly amount: bigint;
  /** What it must be for this provider's largest job. */
  readonly required: bigint;
  /** The block it was read at, or one just before it. */
  readonly block: bigint;
}

/** A bond is worth so many of the largest jobs: what cheating on one of them brings is lost many times over. */
export const bondJobs = 200n;

/**
 * For tiers above the open one, whose promise stands on a bond that can be lost. Nobody is trusted with one while the chain is silent.
 * What is on its way out is not counted.
 * @param largestJob What the dearest job that the provider offers can cost, in units.
 * @throws `provider-unlisted` where there is none, `bond-too-small`, and those of {@link readRegistration}.
 */
export async function requireBond(
  chain: Chain,
  {
    provider,
    peer,
    tier,
    largestJob = 0n,
  }: Parameters<typeof readRegistration>[1] & { readonly tier: Tier; readonly largestJob?: bigint },
  options: AbortOptions = {},
): Promise<SeenBond> {
  const [{ number: block }, stake] = await Promise.all([chain.head(options), chain.stake(provider, options)]);
  const registration = registrationOf(stake, { provider, peer });
  if (registration !== 'listed') {
    throw payError('provider-unlisted', { details: { provider, peer, tier, registration } });
  }
  const [amount, required] = [stake.bonded, bondJobs * largestJob];
  if (amount < required) throw payError('bond-too-small', { details: { provider, peer, tier, amount, required } });
  return { chain: chain.entry.id, provider, amount, required, block };
}

function registrationOf(
  { offerKey, isListed }: Stake,
  { provider, peer }: Parameters<typeof readRegistration>[1],
): Registration {
  if (offerKey === zeroHash) return 'unregistered';
  if (offerKey !== offerKeyOf(peer)) throw payError('provider-mismatch', { details: { provider, peer, offerKey } });
  return isListed ? 'listed' : 'described';
}
