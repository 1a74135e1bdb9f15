import { chargeOf } from '#lib/protocol/charge-of.ts';
import type { ArtefactId } from '#lib/protocol/ids.ts';
import type { Candidate } from './spec.ts';

/** Paid jobs of one model, and their tokens in and out, in the last days, whoever answered them. */
export interface PaidWork {
  readonly jobs: number;
  readonly in: number;
  readonly out: number;
}

/** What the chain takes for a channel beside what is paid through it, in units of the token. */
export interface ChannelCosts {
  /** From its opening until the rest is back. */
  readonly open: bigint;
  readonly topUp: bigint;
}

/** What an asker knows of its own payments, without asking anybody. */
export interface Paying {
  /** Its channel to a worker: with room for the job, `short` of it, or none; `refused` where its purse failed a moment ago. */
  readonly channel: (candidate: Candidate) => 'room' | 'short' | 'none' | 'refused';
  readonly work: (artefact: ArtefactId) => PaidWork;
  /** Undefined while it is not known. */
  readonly costs: (chain: number) => ChannelCosts | undefined;
}

/**
 * How a worker with a price would be paid where a hub sells its model too. `standing`: through a channel that is there, has room and
 * costs no more than the hub. `worth`: through one that has to be opened or topped up, and saves more than that costs. `dear`: neither; such a
 * job is the hub's. `either`: neither, and the hub is not known well enough for its word to count.
 */
export type PayWay = 'standing' | 'worth' | 'dear' | 'either';

/** Fewer paid jobs of a model in the last days are no habit, whatever they cost. */
export const habitJobsMin = 5;
/** A hub that this asker does not know yet is not paid more than so many times what a provider asks. */
const unknownHubFactor = 2n;
/** What prices are compared by where nothing has been paid for yet. */
const anyWork = { in: 1_000_000, out: 1_000_000 } as const;

interface Payable {
  readonly candidate: Candidate;
  /** It charges this asker something. */
  readonly pays: boolean;
  /** It is not to be avoided, and has a free slot. */
  readonly isReady: boolean;
  /** By what this asker has had from it. */
  readonly isTrusted: boolean;
}

/**
 * The ways of those workers that have one. Where no hub is ready to do the job, nothing is said of anybody: a channel is then opened to
 * whoever is chosen. Anybody can call itself a hub: one that is not trusted says nothing beside one that is, nothing of a worker that
 * is, and nothing of one that asks much less: they are chosen as if it were not there.
 */
export function payWays<T extends Payable>(all: readonly T[], paying: Paying | undefined): ReadonlyMap<T, PayWay> {
  const ways = new Map<T, PayWay>();
  if (!paying) return ways;
  for (const [artefact, some] of Map.groupBy(all, ({ candidate }) => candidate.model.artefact)) {
    const ready = some.filter(({ candidate, pays, isReady }) => candidate.model.hub && pays && isReady);
    const trusted = ready.filter(({ isTrusted }) => isTrusted);
    const hubs = trusted.length > 0 ? trusted : ready;
    if (hubs.length === 0) continue;
    const work = paying.work(artefact);
    const compared = work.jobs > 0 ? work : anyWork;
    const chargeBy = ({ candidate }: T) => chargeOf(candidate.model.price, compared);
    const throughHub = hubs.map(chargeBy).reduce(lesser);
    const direct = some
      .filter(({ candidate, pays }) => pays && !candidate.model.hub)
      .map((one) => ({ one, channel: paying.channel(one.candidate) }));
    // One that is short of room is there too, and one that could not be paid may have been opened.
    const opened = direct.filter(({ channel }) => channel !== 'none').length;
    for (const { one, channel } of direct) {
      const charge = chargeBy(one);
      const hasSay = trusted.length > 0 || (!one.isTrusted && throughHub <= charge * unknownHubFactor);
      const saved = throughHub - charge;
      const costs = paying.costs(one.candidate.entry.offer.payout?.chain ?? 0);
      // Each further channel has to be worth it beside those that are there.
      const cost = costs && (channel === 'short' ? costs.topUp : costs.open * BigInt(1 + opened));
      const isWorth = work.jobs >= habitJobsMin && saved > 0n && cost !== undefined && saved >= cost;
      const isStanding = channel === 'room' && saved >= 0n;
      if (isStanding) ways.set(one, 'standing');
      else if (channel === 'refused') ways.set(one, 'dear');
      else if (isWorth && channel !== 'room') ways.set(one, 'worth');
      else ways.set(one, hasSay ? 'dear' : 'either');
    }
  }
  return ways;
}

const lesser = (a: bigint, b: bigint): bigint => (a < b ? a : b);
