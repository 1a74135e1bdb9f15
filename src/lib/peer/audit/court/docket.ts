import type { Dispute, Verdict } from '#lib/pay/court.ts';
import { disputeToJudge } from '#lib/pay/judging.ts';
import type { Address } from '#lib/pay/spec.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { sameAccount } from './roll.ts';

/** A trial as whoever takes it to the contract remembers it. */
export interface CourtCase {
  readonly audit: string;
  /** SHA-256 of the receipt, hexadecimal. */
  readonly receipt: string;
  readonly worker: PeerId;
  readonly accuser: PeerId;
  /** `tried`: not over yet. */
  readonly outcome: 'tried' | 'convicted' | 'cleared';
  /** What this peer found; undefined where it neither sat nor looked later, or found neither. */
  readonly verdict?: Verdict | undefined;
  /** The envelope of the receipt, by which it can still be judged. */
  readonly answer?: Uint8Array | undefined;
  /** Whether it was judged for an appeal to the contract. */
  readonly looked?: boolean | undefined;
  /** The account whose bond answers for the worker, as its offer and the registry said when it was accused. */
  readonly provider?: Address | undefined;
  /** When the trial was over, or began; milliseconds since the epoch. */
  readonly since: number;
  /** When the dispute was last sent off to be opened, in the same. */
  readonly openedAt?: number | undefined;
  /** Rounds of disputes that this peer has voted in: number and round. */
  readonly voted: readonly string[];
}

export type CourtStep =
  | { readonly type: 'open'; readonly provider: Address }
  | { readonly type: 'vote'; readonly dispute: Dispute; readonly verdict: Verdict }
  /** The contract hears an appeal, and this peer has not seen the answer yet. */
  | { readonly type: 'look' }
  | { readonly type: 'conclude'; readonly id: bigint }
  /** Nothing is left to do; what is owed is collected. */
  | { readonly type: 'close' };

/** What is known when the steps of a case are worked out. */
export interface CourtView {
  readonly self: PeerId;
  /** Whose accusations this peer takes to the contract: its own, and those of the gateways beside it. */
  readonly accusers: ReadonlySet<PeerId>;
  /** The account that this peer sends from. */
  readonly account: Address;
  /** Over the case's receipt, of the worker's account, ended ones among them. */
  readonly disputes: readonly Dispute[];
  /** Whether this peer already has one running against the account, over whatever receipt. */
  readonly isBusy: boolean;
  /** Milliseconds since the epoch, and the chain's own time in Unix seconds. */
  readonly now: number;
  readonly chainNow: number;
  readonly pace: CourtPace;
}

/** In milliseconds. */
export interface CourtPace {
  /** After a trial, until its votes are handed in: time for the dearest dispute to be opened. */
  readonly graceMs: number;
  /** Until a dispute that may or may not have been opened is opened again. */
  readonly reopenMs: number;
  /** Until an answer that was not shown is asked for again. */
  readonly lookMs: number;
  /** For whoever challenges to conclude, before others do it. */
  readonly concludeMs: number;
  /** A case is kept for so long. */
  readonly keptMs: number;
}

export const courtPace: CourtPace = {
  graceMs: 6 * 3_600_000,
  reopenMs: 20 * 60_000,
  lookMs: 5 * 60_000,
  concludeMs: 86_400_000,
  keptMs: 45 * 86_400_000,
};

export const roundOf = ({ id, round }: Pick<Dispute, 'id' | 'round'>): string => `${id} ${round}`;

/**
 * What this peer has to do now for a trial before the contract: open a dispute where its own accusation was upheld, vote as it voted in
 * the trial, on the dearest dispute alone, and move on what has run out. Each step is safe to repeat.
 */
export function stepsOf(one: CourtCase, view: CourtView): readonly CourtStep[] {
  const { disputes, now, pace } = view;
  if (now > one.since + pace.keptMs) return [{ type: 'close' }];
  if (one.outcome === 'tried') return [];
  if (disputes.some(({ phase, outcome }) => phase === 'ended' && outcome !== 'dismissed')) return [{ type: 'close' }];
  const own = disputes.filter(({ challenger }) => sameAccount(challenger, view.account));
  if (mayOpen(one, view) && own.length === 0) return [{ type: 'open', provider: one.provider! }];
  return [...conclusions(one, view), ...looks(one, view), ...votes(one, view)];
}

function mayOpen(
  { outcome, accuser, provider, openedAt }: CourtCase,
  { accusers, isBusy, now, pace }: CourtView,
): boolean {
  if (outcome !== 'convicted' || !accusers.has(accuser) || provider === undefined || isBusy) return false;
  return openedAt === undefined || now >= openedAt + pace.reopenMs;
}

/** Of these disputes, whether the contract now takes votes on an appeal. */
export const isAppealed = (disputes: readonly Dispute[], chainNow: number): boolean =>
  disputes.some(({ phase, round, endsAt }) => phase === 'voting' && round === 2 && chainNow <= endsAt);

/** A trial that was not appealed has seen fewer judges than the contract asks for when it is. */
function looks(one: CourtCase, { self, accusers, disputes, chainNow }: CourtView): CourtStep[] {
  const { outcome, verdict, looked, answer, accuser } = one;
  const isParty = accusers.has(accuser) || one.worker === self;
  const mayLook = outcome === 'convicted' && !verdict && !looked && answer && !isParty;
  return mayLook && isAppealed(disputes, chainNow) ? [{ type: 'look' }] : [];
}

function votes({ since, verdict, voted }: CourtCase, { disputes, now, chainNow, pace }: CourtView): CourtStep[] {
  const dispute = disputeToJudge(disputes);
  if (!verdict || dispute?.phase !== 'voting' || chainNow > dispute.endsAt || voted.includes(roundOf(dispute)))
    return [];
  // A panel that is late votes while it can.
  const isDue = now >= since + pace.graceMs || (dispute.endsAt - chainNow) * 1_000 < pace.graceMs;
  return isDue ? [{ type: 'vote', dispute, verdict }] : [];
}

function conclusions({ voted }: CourtCase, { account, disputes, chainNow, pace }: CourtView): CourtStep[] {
  return disputes.flatMap(({ id, phase, endsAt, challenger }): CourtStep[] => {
    if ((phase !== 'voting' && phase !== 'appealable') || chainNow <= endsAt) return [];
    // What nobody votes on stands in no other's way, and its challenger can end it.
    const isChallenger = sameAccount(challenger, account);
    const isOurs = isChallenger || voted.some((round) => round.startsWith(`${id} `));
    const waitMs = isChallenger ? 0 : pace.concludeMs;
    return isOurs && (chainNow - endsAt) * 1_000 > waitMs ? [{ type: 'conclude', id }] : [];
  });
}
