import { unclaimed, type ChannelState } from './channel.ts';
import { batchCost, batchMax, channelCost, providerPart, type GasTerms } from './cost.ts';
import type { PayErrorCode } from './errors.ts';
import type { ChannelId, ChannelTerms } from './spec.ts';
import { isJob } from './terms.ts';

/** One channel as input to the policy. */
export interface ChannelView {
  readonly id: ChannelId;
  readonly terms: ChannelTerms;
  readonly state: ChannelState;
}

export interface Exposure {
  /** Units one payer may leave unclaimed across all channels that it can empty. */
  readonly perPayerMax: bigint;
}

/**
 * Units of a channel that its payer could take away before they are claimed. What is set aside for a job is not among them:
 * until the deadline nobody but the provider can move it, and it is claimed before that.
 */
export const exposed = ({ terms, state }: Pick<ChannelView, 'terms' | 'state'>): bigint =>
  isJob(terms) ? 0n : unclaimed(state);

export interface ClaimPolicy extends Exposure {
  /** Claim once gas costs at most this share of the provider's proceeds, in hundredths of a percent. */
  readonly gasShareBpsMax: bigint;
  /** Claim a delivered job at least this many seconds before its deadline. */
  readonly deadlineMarginSeconds: number;
}

export const claimPolicyDefault: ClaimPolicy = {
  perPayerMax: 1_000_000n,
  gasShareBpsMax: 200n,
  deadlineMarginSeconds: 15 * 60,
};

/**
 * The last seconds of a job, reserved for its claim. A job ends with its first claim, whatever the amount, so a job not
 * yet delivered is claimed only within this margin, and nothing is served during it.
 */
export const jobMarginSeconds = 120;

export type ClaimReason = 'withdrawal-announced' | 'deadline-near' | 'exposure' | 'worth-the-gas';

export interface PlannedClaim {
  readonly id: ChannelId;
  readonly reason: ClaimReason;
  readonly amount: bigint;
}

/**
 * Plans which channels to claim now, in batches. A batch with an urgent claim is sent at once if it earns the provider
 * more than it costs; others once they are worth the gas. Each batch pays for itself. Pure; `now` is the chain's time
 * in Unix seconds.
 */
export function planClaims(
  views: readonly ChannelView[],
  { policy, gas, now }: { readonly policy: ClaimPolicy; readonly gas: GasTerms; readonly now: number },
): readonly (readonly PlannedClaim[])[] {
  const own = channelCost(1, gas);
  const exposures = exposureByPayer(views);
  const isCheap = (part: bigint, cost: bigint) => cost * 10_000n <= part * policy.gasShareBpsMax;
  const isDue = (batch: readonly Candidate[]) => {
    const [part, cost] = [batch.reduce((sum, each) => sum + each.part, 0n), batchCost(batch.length, gas)];
    return batch.some(({ reason }) => reason !== null) ? part > cost : isCheap(part, cost);
  };
  return inBatches(
    views
      .filter((view) => mayClaim(view, now))
      .map((view): Candidate => {
        const amount = unclaimed(view.state);
        const exposure = isJob(view.terms) ? 0n : (exposures.get(view.terms.payer) ?? 0n);
        return { view, amount, part: providerPart(amount), reason: urgency(view, { policy, now, exposure }) };
      })
      .filter(({ part, reason }) => part > own && (reason !== null || isCheap(part, own)))
      .toSorted(inOrder),
  )
    .filter(isDue)
    .map((batch) =>
      batch.map(({ view, amount, reason }) => ({ id: view.id, amount, reason: reason ?? 'worth-the-gas' })),
    );
}

/**
 * Why this channel's payer must not be served further now, or null. `owed`: what the payer's channels leave exposed, in units.
 * `now` in Unix seconds, by the chain.
 */
export function serveRefusal(
  { terms, state }: Pick<ChannelView, 'terms' | 'state'>,
  { perPayerMax, owed, now }: Exposure & { readonly owed: bigint; readonly now: number },
): PayErrorCode | null {
  if (state.phase === 'unopened') return 'channel-missing';
  if (state.phase === 'closed') return 'channel-closed';
  if (state.phase === 'withdrawing') return 'withdrawal-pending';
  if (state.agreed !== null || state.isDelivered) return 'closing';
  if (state.expired || isInMargin(terms, now)) return 'deadline-passed';
  return !isJob(terms) && owed >= perPayerMax ? 'exposure-too-large' : null;
}

/** True in the last seconds of a job, which are reserved for its claim. */
export const isInMargin = (terms: ChannelTerms, now: number): boolean =>
  isJob(terms) && terms.deadline - now <= jobMarginSeconds;

function mayClaim({ state, terms }: ChannelView, now: number): boolean {
  if (state.phase !== 'open' && state.phase !== 'withdrawing') return false;
  if (!isJob(terms)) return true;
  const isOver = state.isDelivered || state.agreed !== null;
  return now <= terms.deadline && (isOver || isInMargin(terms, now));
}

function urgency(
  { terms, state }: ChannelView,
  { policy, now, exposure }: { readonly policy: ClaimPolicy; readonly now: number; readonly exposure: bigint },
): ClaimReason | null {
  if (state.phase === 'withdrawing') return 'withdrawal-announced';
  const isNear = isJob(terms) && terms.deadline - now <= policy.deadlineMarginSeconds;
  if (isNear || isInMargin(terms, now)) return 'deadline-near';
  return exposure >= policy.perPayerMax ? 'exposure' : null;
}

function exposureByPayer(views: readonly ChannelView[]): ReadonlyMap<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const view of views) sums.set(view.terms.payer, (sums.get(view.terms.payer) ?? 0n) + exposed(view));
  return sums;
}

interface Candidate {
  readonly view: ChannelView;
  readonly amount: bigint;
  /** The provider's proceeds, in units. */
  readonly part: bigint;
  readonly reason: ClaimReason | null;
}

/**
 * Groups by payee, since each change of payee in a batch costs two storage writes. Urgent and large claims come first,
 * so that they share batches and dust is left for a batch that has to pay for itself.
 */
function inOrder(a: Candidate, b: Candidate): number {
  const [first, second] = [payeeKey(a.view.terms), payeeKey(b.view.terms)];
  if (first !== second) return first < second ? -1 : 1;
  if ((a.reason === null) !== (b.reason === null)) return a.reason === null ? 1 : -1;
  return a.part > b.part ? -1 : a.part < b.part ? 1 : 0;
}

function inBatches<T>(list: readonly T[]): readonly (readonly T[])[] {
  const batches: T[][] = [];
  for (let at = 0; at < list.length; at += batchMax) batches.push(list.slice(at, at + batchMax));
  return batches;
}

const payeeKey = ({ token, provider }: ChannelTerms): string => token + provider;
