import type { Verdict } from '#lib/pay/court.ts';
import { encodeEnvelope } from '#lib/protocol/envelope.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { CountedVote } from '#lib/trust/trial-state.ts';
import type { AuditOutcomeEffect } from '../auditing.ts';
import type { CourtCase } from './docket.ts';

/**
 * What an effect of a trial changes in its case: a trial that has begun is a case, one that ends without a verdict is none. A replay of
 * the same effects changes nothing. Undefined where nothing changes.
 */
export function noteCase(
  self: PeerId,
  before: CourtCase | undefined,
  { effect, trial }: Extract<AuditOutcomeEffect, { of: 'trial' }>,
  now: number,
): CourtCase | 'forget' | undefined {
  // What has come to a verdict once is at the contract.
  if (before && before.outcome !== 'tried') return undefined;
  const { accusation, receipt, state } = trial;
  const one: CourtCase = before ?? {
    audit: accusation.audit,
    receipt: state.terms.receipt,
    worker: receipt.worker,
    accuser: accusation.accuser,
    outcome: 'tried',
    answer: encodeEnvelope(accusation.receipt),
    since: now,
    voted: [],
  };
  switch (effect.type) {
    case 'draw':
      return before ? undefined : one;
    // The votes of the first round: an appeal's are counted apart.
    case 'dispute':
      return withVerdict(one, effect.evidence.votes, self);
    case 'settled':
      if (effect.outcome !== 'convicted' && effect.outcome !== 'cleared') return before && 'forget';
      return { ...withVerdict(one, state.counted, self), outcome: effect.outcome, since: now };
    default:
      return undefined;
  }
}

function withVerdict(one: CourtCase, votes: readonly CountedVote[], self: PeerId): CourtCase {
  const own = votes.findLast(({ validator, verdict }) => validator === self && verdict !== 'undecided');
  return own ? { ...one, verdict: own.verdict as Verdict } : one;
}
