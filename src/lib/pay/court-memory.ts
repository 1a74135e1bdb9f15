import { zeroHash } from 'viem';
import { courtRules } from '#contracts/words.ts';
import { checkAmount, voucherUnitsMax } from './amount.ts';
import {
  counterBondOf,
  guiltyShares,
  penaltyMinimum,
  quorumOf,
  unpunishedShares,
  type Shares,
} from './court-shares.ts';
import type { Court, Dispute, DisputeOutcome, ValidatorTerm } from './court.ts';
import { payError, type PayErrorCode } from './errors.ts';
import { checkTypedSignature } from './signature.ts';
import type { Address, DeployedChain } from './spec.ts';
import { voteData } from './typed-data.ts';

/** A court without a chain: the contract's rules over maps, for tests and simulations. Nothing in it costs gas. */
export interface MemoryCourt extends Court {
  readonly balances: Balances;
  /** Units that can be slashed, by provider. */
  readonly stakes: Balances;
  readonly validators: Map<Address, ValidatorTerm>;
  isOn: boolean;
}

export interface Balances {
  of(account: Address): bigint;
  /** Adds units; takes them where there are fewer than none. @throws `insufficient-funds`. */
  add(account: Address, units: bigint): void;
}

export interface MemoryCourtInit {
  /** Its domain is what votes are signed under. */
  readonly entry: DeployedChain;
  /** Unix seconds. */
  readonly now: () => number;
}

/** Where burned stake goes in the contracts too. */
export const burnAddress: Address = '0x000000000000000000000000000000000000dEaD';

export function createMemoryCourt({ entry, now }: MemoryCourtInit): MemoryCourt {
  const [balances, stakes, owed] = [createBalances(), createBalances(), createBalances()];
  const validators = new Map<Address, ValidatorTerm>();
  const disputes = new Map<bigint, Dispute>();
  const decided = new Map<string, bigint>();
  /** Who has voted in the present round. */
  const voters = new Map<bigint, ReadonlySet<Address>>();
  const votersOf = ({ id }: Dispute): ReadonlySet<Address> => voters.get(id) ?? new Set();
  const jobOf = ({ provider, receiptHash }: Pick<Dispute, 'provider' | 'receiptHash'>) => `${provider} ${receiptHash}`;

  /** As it stands now, written or not. */
  function read(id: bigint): Dispute {
    const one = disputes.get(id);
    if (!one) throw payError('dispute-missing', { details: { id } });
    if (one.phase !== 'answering' || now() <= one.endsAt) return one;
    return { ...one, phase: 'voting', endsAt: one.endsAt + courtRules.voteWindow };
  }
  function check(isTrue: boolean, code: PayErrorCode, details: Readonly<Record<string, unknown>> = {}): void {
    if (!isTrue) throw payError(code, { details });
  }
  const write = (one: Dispute): void => void disputes.set(one.id, one);

  function end(one: Dispute, outcome: DisputeOutcome, shares: Shares): void {
    write({ ...one, phase: 'ended', outcome });
    owed.add(one.challenger, shares.challenger);
    owed.add(one.provider, shares.provider);
    owed.add(burnAddress, shares.burned);
    for (const voter of votersOf(one)) owed.add(voter, shares.eachVoter);
  }

  function endGuilty(one: Dispute): void {
    const { penalty, provider, openedAt, counterBond, round } = one;
    const stake = now() < openedAt + courtRules.lock ? stakes.of(provider) : 0n;
    const slashed = penalty < stake ? penalty : stake;
    if (slashed > 0n) decided.set(jobOf(one), one.id);
    stakes.add(provider, -slashed);
    end(one, 'guilty', guiltyShares({ slashed, counterBond, round, voters: votersOf(one).size }));
  }

  function endUnpunished(one: Dispute, outcome: 'dismissed' | 'innocent'): void {
    const { counterBond, round } = one;
    const before = decided.get(jobOf(one));
    const isInnocent = outcome === 'innocent';
    if (!before && (isInnocent || round === 2)) decided.set(jobOf(one), one.id);
    const isProved = before !== undefined && disputes.get(before)?.outcome === 'guilty';
    const isAlone = round === 1 && one.guilty === 0 && !isProved;
    end(one, outcome, unpunishedShares({ counterBond, round, voters: votersOf(one).size, isInnocent, isAlone }));
  }

  return {
    balances,
    stakes,
    validators,
    isOn: true,
    dispute: async (id) => read(id),
    penaltyRange: async (provider) => {
      const maximum = stakes.of(provider);
      return { minimum: penaltyMinimum(maximum), maximum };
    },
    decidedBy: async (accused) => decided.get(jobOf(accused)) ?? null,
    validatorTerm: async (validator) => validators.get(validator) ?? null,
    owed: async (payee) => owed.of(payee),
    async open({ address: challenger }, { provider, receiptHash, penalty }) {
      check(receiptHash !== zeroHash, 'receipt-hash-missing');
      checkAmount(penalty, voucherUnitsMax);
      const counterBond = counterBondOf(penalty);
      const available = balances.of(challenger);
      check(available >= counterBond, 'insufficient-funds', { required: counterBond, available });
      check(this.isOn, 'court-closed');
      check(!decided.has(jobOf({ provider, receiptHash })), 'receipt-decided', { provider, receiptHash });
      const maximum = stakes.of(provider);
      const minimum = penaltyMinimum(maximum);
      check(penalty >= minimum && penalty <= maximum, 'penalty-out-of-range', { minimum, maximum, given: penalty });
      balances.add(challenger, -counterBond);
      const id = BigInt(disputes.size + 1);
      const openedAt = now();
      write({
        id,
        challenger,
        provider,
        receiptHash,
        answerHash: null,
        penalty,
        counterBond,
        phase: 'answering',
        outcome: 'none',
        round: 1,
        innocent: 0,
        guilty: 0,
        openedAt,
        endsAt: openedAt + courtRules.answerWindow,
      });
      return read(id);
    },
    async answer({ address }, { id, answerHash }) {
      check(answerHash !== zeroHash, 'answer-missing');
      const one = disputes.get(id) ?? read(id);
      check(one.phase === 'answering', 'wrong-phase', { phase: one.phase });
      check(address === one.provider, 'not-provider', { expected: one.provider });
      check(now() <= one.endsAt, 'window-over', { latest: one.endsAt });
      write({ ...one, answerHash, phase: 'voting', endsAt: now() + courtRules.voteWindow });
    },
    async signVote(validator, vote) {
      const signature = await validator.signTypedData(voteData(entry, { ...vote, validator: validator.address }));
      return { ...vote, validator: validator.address, signature };
    },
    async vote(_, ballot) {
      const { disputeId, round, verdict, validator, signature } = ballot;
      checkVoter(read(disputeId), ballot);
      await checkTypedSignature(validator, voteData(entry, { disputeId, round, verdict, validator }), signature);
      // Read again: another ballot may have come in while the signature was checked.
      const one = read(disputeId);
      checkVoter(one, ballot);
      write({ ...one, [verdict]: one[verdict] + 1 });
      voters.set(disputeId, new Set([...votersOf(one), validator]));
    },
    async conclude(_, id) {
      const one = read(id);
      check(one.phase !== 'ended', 'wrong-phase', { phase: one.phase });
      check(now() > one.endsAt, 'window-open', { earliest: one.endsAt + 1 });
      if (decided.has(jobOf(one))) endUnpunished(one, 'dismissed');
      else if (one.phase === 'appealable') endGuilty(one);
      else if (one.guilty >= quorumOf(one.round) && one.guilty > 2 * one.innocent) {
        if (one.round === 2) endGuilty(one);
        else write({ ...one, phase: 'appealable', endsAt: now() + courtRules.appealWindow });
      } else {
        const isCleared = one.innocent >= courtRules.quorum && one.innocent > one.guilty;
        endUnpunished(one, isCleared ? 'innocent' : 'dismissed');
      }
      return read(id);
    },
    async appeal({ address }, id) {
      const one = read(id);
      check(one.phase === 'appealable', 'wrong-phase', { phase: one.phase });
      const available = balances.of(address);
      check(available >= one.counterBond, 'insufficient-funds', { required: one.counterBond, available });
      check(address === one.provider, 'not-provider', { expected: one.provider });
      check(now() <= one.endsAt, 'window-over', { latest: one.endsAt });
      balances.add(address, -one.counterBond);
      const next = { phase: 'voting', round: 2, innocent: 0, guilty: 0 } as const;
      voters.delete(id);
      write({ ...one, ...next, endsAt: now() + courtRules.voteWindow });
    },
    async collect(_, payee) {
      const amount = owed.of(payee);
      owed.add(payee, -amount);
      balances.add(payee, amount);
      return amount;
    },
  };

  function checkVoter(
    one: Dispute,
    { round, validator }: { readonly round: 1 | 2; readonly validator: Address },
  ): void {
    check(one.phase === 'voting', 'wrong-phase', { phase: one.phase });
    check(now() <= one.endsAt, 'window-over', { latest: one.endsAt });
    check(round === one.round, 'wrong-round', { expected: one.round });
    const term = validators.get(validator);
    check(term !== undefined, 'not-validator', { validator });
    check(one.openedAt >= term!.since, 'validator-too-new', { since: term!.since });
    check(term!.until === null || one.openedAt < term!.until, 'not-validator', { validator });
    check(validator !== one.challenger && validator !== one.provider, 'validator-is-party', { validator });
    check(!votersOf(one).has(validator), 'already-voted', { validator });
  }
}

function createBalances(): Balances {
  const units = new Map<Address, bigint>();
  const of = (account: Address) => units.get(account) ?? 0n;
  return {
    of,
    add(account, change) {
      const next = of(account) + change;
      if (next < 0n) throw payError('insufficient-funds', { details: { available: of(account) } });
      units.set(account, next);
    },
  };
}
