import type { AbortOptions } from '#lib/base/abort.ts';
import { createMutex } from '#lib/base/mutex.ts';
import { unclaimed } from './channel.ts';
import { signClaimOrder } from './claim-order.ts';
import { providerPart } from './cost.ts';
import { payError } from './errors.ts';
import type { Payee } from './payee.ts';
import type { ChannelView } from './policy.ts';
import type { Chain, ChannelId, LocalWallet } from './spec.ts';
import type { SponsorClient } from './sponsor-client.ts';
import { channelIdOf, isJob } from './terms.ts';

/** Leaves what is unclaimed with a relay, which claims it for a fee if its payer leaves while this device is offline. */
export interface Entrusting {
  /**
   * Signs an order over what is unclaimed and leaves it there, if it is worth that and something is new. A call while another waits
   * for its turn is that other's.
   * @returns the channels entrusted; none if there was nothing to do.
   * @throws `sponsor-too-dear`, `order-superseded` where the relay keeps an earlier order, and those of the relay.
   */
  entrust(options?: AbortOptions): Promise<readonly ChannelId[]>;
}

export interface EntrustingComponents {
  readonly chain: Chain;
  readonly payee: Payee;
  /** The provider signer of the channels. It is not asked: it has to be a key of this device. */
  readonly signer: LocalWallet;
  readonly relay: Pick<SponsorClient, 'quoteClaims' | 'entrust'>;
}

/** A relay takes no more claims in an order. */
const claimsMax = 50;
/** Of a claim's proceeds, the fee is at most one in so many. */
const feeShare = 4n;
/** Good for any delay a channel usually has, and then used by the relay before it expires. */
const orderSeconds = 30 * 86_400;
/** An order over the same claims is renewed when this much of its time is over. */
const renewSeconds = 7 * 86_400;

/** `feeMax`: units, for each claim. */
export function createEntrusting(
  { chain, payee, signer, relay }: EntrustingComponents,
  { feeMax }: { readonly feeMax: bigint },
): Entrusting {
  const turns = createMutex();
  /** What the newest order promises, by channel, and when it was made by the chain's time. */
  let given = new Map<ChannelId, bigint>();
  let givenAt = 0;

  const entrust = async (options: AbortOptions): Promise<readonly ChannelId[]> => {
    const open = payee.views().filter(mayEntrust);
    if (open.length === 0) return [];
    const { timestamp } = await chain.head(options);
    const isNews = open.some(({ id, state }) => state.promised > (given.get(id) ?? 0n));
    if (!isNews && timestamp - givenAt < renewSeconds) return [];
    const { relay: named, feePerClaim } = await relay.quoteClaims(options);
    if (feePerClaim > feeMax) throw payError('sponsor-too-dear', { details: { maximum: feeMax, given: feePerClaim } });
    const ids = open
      .filter(({ state }) => feePerClaim * feeShare <= providerPart(unclaimed(state)))
      .toSorted((a, b) => rank(b) - rank(a) || (unclaimed(a.state) > unclaimed(b.state) ? -1 : 1))
      .slice(0, claimsMax)
      .map(({ id }) => id);
    const claims = await payee.claims(ids);
    if (claims.length === 0) return [];
    const validBefore = timestamp + orderSeconds;
    const order = await signClaimOrder(chain, signer, { claims, relay: named, feePerClaim, validBefore }, options);
    await relay.entrust(order, options);
    given = new Map(claims.map(({ channel, cumulativeAmount }) => [channelIdOf(channel), cumulativeAmount]));
    givenAt = timestamp;
    return [...given.keys()];
  };
  /** An order replaces another only if it leaves out nothing that can still be claimed. */
  const rank = ({ id }: ChannelView) => (given.has(id) ? 1 : 0);
  return { entrust: async (options = {}) => (turns.pending > 1 ? [] : turns.run(() => entrust(options))) };
}

/** A relay claims a job at once, which would end it. */
const mayEntrust = ({ terms, state }: ChannelView): boolean =>
  !isJob(terms) && (state.phase === 'open' || state.phase === 'withdrawing') && unclaimed(state) > 0n;
