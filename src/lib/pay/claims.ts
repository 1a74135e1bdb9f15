import type { AbortOptions } from '#lib/base/abort.ts';
import { batchGas, batchMax } from './cost.ts';
import { payError } from './errors.ts';
import {
  closedSentinel,
  type Address,
  type Chain,
  type ChannelId,
  type ChannelTerms,
  type Claim,
  type ContractCall,
  type OnChainState,
  type VoucherRefusal,
} from './spec.ts';
import { channelIdOf, isJob, parseTerms } from './terms.ts';
import type { VoucherSigner } from './voucher.ts';

export interface Skipped {
  readonly channelId: ChannelId;
  readonly refusal: VoucherRefusal;
}

export interface Screened {
  /** Claims the contract would credit now, one per channel, grouped by provider and token. */
  readonly good: readonly Claim[];
  readonly skipped: readonly Skipped[];
}

/**
 * Screens claims by the contract's own rules before gas is spent on them.
 * @throws `batch-empty`, `batch-too-long`, `bad-terms`.
 */
export async function screenClaims(
  { chain, vouchers }: { readonly chain: Chain; readonly vouchers: VoucherSigner },
  sender: Address,
  claims: readonly Claim[],
  options: AbortOptions = {},
): Promise<Screened> {
  checkBatch(claims);
  const groups = byChannel(claims);
  const { timestamp } = await chain.head(options);
  const good: Claim[] = [];
  const skipped: Skipped[] = [];
  for (const [channelId, largestFirst] of groups) {
    const state = await chain.channel(channelId, options);
    let isFound = false;
    for (const claim of largestFirst) {
      // Of several vouchers for one channel, the largest valid one covers the others.
      const refusal: VoucherRefusal | null = isFound
        ? 'stale'
        : (claimRefusal({ terms: claim.channel, state, amount: claim.cumulativeAmount, sender, now: timestamp }) ??
          ((await vouchers.verify(claim.channel.payerSigner, { channelId, ...claim })) ? null : 'bad-signature'));
      if (refusal) skipped.push({ channelId, refusal });
      else good.push(claim);
      isFound ||= refusal === null;
    }
  }
  return { good: good.toSorted(byPayee), skipped };
}

/** A batch may take this much more gas than it should, in percent. */
const gasPercentMax = 150n;

/**
 * The claims of a batch that are worth sending together. The chain asks a signer that is a contract, which may burn all the gas
 * there is, and an ordinary account can become one: if a batch would take more gas than it should, such claims are left out, and
 * what is left is halved until it fits.
 */
export async function withinGas(
  chain: Chain,
  sender: Address,
  claims: readonly Claim[],
  { callOf, ...options }: AbortOptions & { readonly callOf: (claims: readonly Claim[]) => ContractCall },
): Promise<readonly Claim[]> {
  const fits = async (some: readonly Claim[]) => {
    const expected = batchGas.base + batchGas.channel * BigInt(some.length);
    const gas = await chain.estimateGas(sender, callOf(some), options);
    return gas * 100n <= expected * gasPercentMax;
  };
  if (claims.length === 0 || (await fits(claims))) return claims;
  const contracts = new Map<Address, boolean>();
  for (const { channel } of claims) {
    const { payerSigner } = channel;
    if (!contracts.has(payerSigner)) contracts.set(payerSigner, await chain.hasCode(payerSigner, options));
  }
  let rest = claims.filter(({ channel }) => !contracts.get(channel.payerSigner));
  while (rest.length > 0 && !(await fits(rest))) rest = rest.slice(0, rest.length >> 1);
  return rest;
}

/** @throws `batch-empty`, `batch-too-long`. */
export function checkBatch(claims: readonly Claim[]): void {
  if (claims.length === 0) throw payError('batch-empty');
  if (claims.length > batchMax)
    throw payError('batch-too-long', { details: { maximum: batchMax, given: claims.length } });
}

/** Why the contract would skip a claim, apart from its signature; or null. */
export function claimRefusal({
  terms,
  state,
  amount,
  sender,
  now,
}: {
  readonly terms: ChannelTerms;
  readonly state: OnChainState;
  readonly amount: bigint;
  readonly sender: Address;
  readonly now: number;
}): VoucherRefusal | null {
  if (state.withdrawableAt === closedSentinel) return 'channel-closed';
  if (state.balance === 0n) return 'channel-missing';
  if (amount <= state.claimed) return 'stale';
  if (amount > state.balance) return 'overdrawn';
  if (!isJob(terms)) return null;
  if (now > terms.deadline) return 'deadline-passed';
  return sender === terms.provider || sender === terms.providerSigner ? null : 'not-provider';
}

function byChannel(claims: readonly Claim[]): ReadonlyMap<ChannelId, readonly Claim[]> {
  const groups = new Map<ChannelId, Claim[]>();
  for (const claim of claims) {
    const channel = parseTerms(claim.channel);
    const channelId = channelIdOf(channel);
    groups.set(channelId, [...(groups.get(channelId) ?? []), { ...claim, channel }]);
  }
  for (const group of groups.values()) {
    group.sort((a, b) =>
      a.cumulativeAmount > b.cumulativeAmount ? -1 : a.cumulativeAmount < b.cumulativeAmount ? 1 : 0,
    );
  }
  return groups;
}

/** Groups by payee, because each change of provider or token within a batch costs two storage writes. */
function byPayee({ channel: a }: Claim, { channel: b }: Claim): number {
  const [first, second] = [a.token + a.provider, b.token + b.provider];
  return first < second ? -1 : first > second ? 1 : 0;
}
