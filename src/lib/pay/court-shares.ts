import { courtRules } from '#contracts/words.ts';

/**
 * Who gets what of a dispute that has ended, to the unit, by the contracts' own numbers. For the double of the court and for whoever
 * wants to know beforehand what a dispute can cost; a test compares it with the contracts.
 */
export interface Shares {
  /** Of the counter-bond and of what was slashed, in units. */
  readonly challenger: bigint;
  /** Of the counter-bond and of its own appeal bond. */
  readonly provider: bigint;
  /** To each who voted in the last round, whatever it said. */
  readonly eachVoter: bigint;
  readonly burned: bigint;
}

export interface Ending {
  readonly counterBond: bigint;
  readonly round: 1 | 2;
  /** How many voted in the last round. */
  readonly voters: number;
}

/** What must lie with the challenger before it asks for this penalty; an appeal costs the same. */
export const counterBondOf = (penalty: bigint): bigint => partOf(penalty, courtRules.counterBondBps);

/** The least penalty where `maximum` units can be locked. */
export function penaltyMinimum(maximum: bigint): bigint {
  const share = partOf(maximum, courtRules.penaltyBpsMin);
  const least = BigInt(courtRules.penaltyMin);
  return share > least ? share : least;
}

/** From its opening, for so long a dispute can take anything of the bond. */
export const lockSeconds = courtRules.lock;

export const quorumOf = (round: 1 | 2): number => (round === 1 ? courtRules.quorum : courtRules.appealQuorum);

/** After a verdict of guilty; `slashed` is what there was to take, at most the penalty. */
export function guiltyShares({ slashed, ...ending }: Ending & { readonly slashed: bigint }): Shares {
  const { counterBond, round } = ending;
  const { each, paid } = payVoters(ending);
  const awarded = slashed / 2n;
  const forChallenger = partOf(awarded, courtRules.challengerBps);
  const left = awarded - forChallenger;
  const repaid = paid < left ? paid : left;
  return {
    challenger: counterBond - paid + forChallenger + repaid,
    provider: 0n,
    eachVoter: each,
    burned: slashed - awarded + left - repaid + (round === 2 ? counterBond : 0n),
  };
}

/**
 * After any other end.
 * @param isAlone Nobody said guilty in a first round, nor has another dispute proved the challenger right.
 */
export function unpunishedShares({
  isInnocent,
  isAlone,
  ...ending
}: Ending & { readonly isInnocent: boolean; readonly isAlone: boolean }): Shares {
  const { counterBond, round } = ending;
  const { each, paid } = payVoters(ending);
  const rest = counterBond - paid;
  const kept = isInnocent || isAlone ? counterBond / 2n : rest;
  const appealBond = round === 2 ? counterBond : 0n;
  return {
    challenger: isInnocent ? 0n : kept,
    provider: appealBond + (isInnocent ? kept : 0n),
    eachVoter: each,
    burned: rest - kept,
  };
}

function payVoters({ counterBond, round, voters }: Ending): { readonly each: bigint; readonly paid: bigint } {
  const each = counterBond / 2n / BigInt(Math.max(voters, quorumOf(round)));
  return { each, paid: each * BigInt(voters) };
}

const partOf = (units: bigint, bps: number): bigint => (units * BigInt(bps)) / 10_000n;
