import { unclaimed, type ChannelState } from './channel.ts';
import { batchMax } from './claims.ts';
import type { PayErrorCode } from './errors.ts';
import type { ChannelId, ChannelTerms } from './spec.ts';

/** One channel as the policy sees it. */
export interface ChannelView {
  readonly id: ChannelId;
  readonly terms: ChannelTerms;
  readonly state: ChannelState;
}

export interface Exposure {
  /** Units that one payer may leave unclaimed, over all its channels. */
  readonly perPayerMax: bigint;
}

export interface ClaimPolicy extends Exposure {
  /** Claim when the gas is at most this share of what it brings, in hundredths of a percent. */
  readonly gasShareBpsMax: bigint;
  /** Claim a job this long before its deadline, in seconds. */
  readonly deadlineMarginSeconds: number;
}

export const claimPolicyDefault: ClaimPolicy = {
  perPayerMax: 1_000_000n,
  gasShareBpsMax: 200n,
  deadlineMarginSeconds: 15 * 60,
};

/** What gas costs, in the token: an exact fraction, since a unit of gas is worth far less than a unit of any token. */
export interface GasTerms {
  /** Wei for one unit of gas. */
  readonly gasPriceWei: bigint;
  /** `units` of the token are worth `wei` of the chain's coin. */
  readonly rate: { readonly units: bigint; readonly wei: bigint };
}

/**
 * Gas of a batch: what it costs anyway, and what a channel adds. Of the dearest cases in contracts/gas.json, a first claim
 * by itself and a batch on somebody's order, rounded up.
 */
export const batchGas = { base: 67_000n, channel: 22_000n } as const;

export type ClaimReason = 'withdrawal-announced' | 'deadline-near' | 'exposure' | 'worth-the-gas';

export interface PlannedClaim {
  readonly id: ChannelId;
  readonly reason: ClaimReason;
  readonly amount: bigint;
}

/**
 * Which channels to claim now, in batches. Urgent ones go at once, as long as they bring more than their gas; the others
 * when all together are well worth theirs, or beside urgent ones. Nothing is ever claimed at a loss.
 * Pure: `now` in Unix seconds, as the chain counts them.
 */
export function planClaims(
  views: readonly ChannelView[],
  { policy, gas, now }: { readonly policy: ClaimPolicy; readonly gas: GasTerms; readonly now: number },
): readonly (readonly PlannedClaim[])[] {
  const own = gasInUnits(batchGas.channel, gas);
  const costOf = (list: readonly Candidate[]) =>
    gasInUnits(batchGas.base + batchGas.channel * BigInt(list.length), gas);
  const claimable = views
    .filter(({ state, terms }) => isClaimable(state, terms, now))
    .map((view) => ({ view, amount: unclaimed(view.state), reason: urgency(view, views, { policy, now }) }))
    .filter(({ amount }) => amount > own);
  const isCheap = (amount: bigint, cost: bigint) => cost * 10_000n <= amount * policy.gasShareBpsMax;
  const passengers = claimable.filter(({ reason, amount }) => reason === null && isCheap(amount, own));
  const urgent = claimable.filter(({ reason }) => reason !== null);
  const all = [...urgent, ...passengers];
  const isDue = urgent.length > 0 ? sum(all) > costOf(all) : all.length > 0 && isCheap(sum(all), costOf(all));
  const chosen = isDue ? all : [];
  return inBatches(
    chosen
      .toSorted((a, b) => compare(payeeKey(a.view.terms), payeeKey(b.view.terms)))
      .map(({ view, amount, reason }) => ({ id: view.id, amount, reason: reason ?? 'worth-the-gas' })),
  );
}

/** Why this channel's payer is not to be served any further now, or null. `ofPayer`: all channels of that payer. */
export function serveRefusal(
  id: ChannelId,
  ofPayer: readonly ChannelView[],
  { perPayerMax }: Exposure,
): PayErrorCode | null {
  const state = ofPayer.find((view) => view.id === id)?.state;
  if (!state || state.phase === 'unopened') return 'channel-missing';
  if (state.phase === 'closed') return 'channel-closed';
  if (state.phase === 'withdrawing') return 'withdrawal-pending';
  if (state.expired) return 'deadline-passed';
  return exposureOf(ofPayer) >= perPayerMax ? 'exposure-too-large' : null;
}

/** Units that are promised and not yet credited: what is lost if the payer leaves first. */
export const exposureOf = (views: readonly ChannelView[]): bigint =>
  views.reduce((total, { state }) => total + unclaimed(state), 0n);

/** The gas's price in units, rounded up. */
export function gasInUnits(gasUnits: bigint, { gasPriceWei, rate }: GasTerms): bigint {
  return (gasUnits * gasPriceWei * rate.units + rate.wei - 1n) / rate.wei;
}

function isClaimable(state: ChannelState, terms: ChannelTerms, now: number): boolean {
  if (state.phase !== 'open' && state.phase !== 'withdrawing') return false;
  return terms.deadline === 0 || now <= terms.deadline;
}

function urgency(
  { terms, state }: ChannelView,
  views: readonly ChannelView[],
  { policy, now }: { readonly policy: ClaimPolicy; readonly now: number },
): ClaimReason | null {
  if (state.phase === 'withdrawing') return 'withdrawal-announced';
  if (terms.deadline !== 0 && terms.deadline - now <= policy.deadlineMarginSeconds) return 'deadline-near';
  const ofPayer = views.filter((view) => view.terms.payer === terms.payer);
  return exposureOf(ofPayer) >= policy.perPayerMax ? 'exposure' : null;
}

interface Candidate {
  readonly view: ChannelView;
  readonly amount: bigint;
}

function inBatches<T>(list: readonly T[]): readonly (readonly T[])[] {
  const batches: T[][] = [];
  for (let at = 0; at < list.length; at += batchMax) batches.push(list.slice(at, at + batchMax));
  return batches;
}

const sum = (list: readonly { readonly amount: bigint }[]): bigint =>
  list.reduce((all, { amount }) => all + amount, 0n);
const payeeKey = ({ token, provider }: ChannelTerms): string => token + provider;
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
