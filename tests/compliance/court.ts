import { deepStrictEqual as equal, rejects } from 'node:assert/strict';
import { burnAddress } from '#lib/pay/court-memory.ts';
import { guiltyShares, unpunishedShares } from '#lib/pay/court-shares.ts';
import type { Court, Dispute, Verdict } from '#lib/pay/court.ts';
import type { PayErrorCode } from '#lib/pay/errors.ts';
import type { Address, Hex, LocalWallet } from '#lib/pay/spec.ts';

/** A court with seven validators, people with money, and time that a test moves. */
export interface CourtTown {
  readonly court: Court;
  readonly validators: readonly LocalWallet[];
  /** Registered, and too new to judge anything that is opened now. */
  readonly newcomer: LocalWallet;
  /** A new account with `units` in hand, and `stake` bonded. */
  person(units: bigint, stake?: bigint): Promise<LocalWallet>;
  balance(account: Address): Promise<bigint>;
  stake(provider: Address): Promise<bigint>;
  /** Moves time to this Unix second, or beyond it. */
  moveTo(seconds: number): Promise<void>;
}

export interface CourtCase {
  readonly name: string;
  run(town: CourtTown): Promise<void>;
}

/** An odd penalty, so that every half and tenth is rounded. */
const stake = 1_000_000_000n;
const penalty = 100_000_001n;
const counterBond = 10_000_000n;
let receipts = 0;
const newHash = (): Hex => `0x${(++receipts).toString(16).padStart(64, 'a')}`;

async function accuse(town: CourtTown) {
  const challenger = await town.person(50_000_000n);
  const provider = await town.person(50_000_000n, stake);
  const receiptHash = newHash();
  const opened = await town.court.open(challenger, { provider: provider.address, receiptHash, penalty });
  return { challenger, provider, receiptHash, opened };
}

/** An accused who says nothing is voted on when its time to answer is over. */
async function voteAll(town: CourtTown, { id, round }: Dispute, verdicts: readonly Verdict[]): Promise<void> {
  const { phase, endsAt } = await town.court.dispute(id);
  if (phase === 'answering') await town.moveTo(endsAt + 1);
  for (const [index, verdict] of verdicts.entries()) {
    const validator = town.validators[index]!;
    const ballot = await town.court.signVote(validator, { disputeId: id, round, verdict });
    // By the validator itself, and by others for it.
    await town.court.vote(index % 2 ? validator : town.validators[0]!, ballot);
  }
}

/** Past the end of the present phase, and on. */
async function conclude(town: CourtTown, id: bigint): Promise<Dispute> {
  await town.moveTo((await town.court.dispute(id)).endsAt + 1);
  return town.court.conclude(town.validators[6]!, id);
}

/** What each of these had, has and is owed, burned stake among them. */
async function count(town: CourtTown, accounts: readonly Address[]) {
  const rows = [];
  for (const account of [...accounts, burnAddress]) {
    rows.push((await town.balance(account)) + (await town.court.owed(account)) + (await town.stake(account)));
  }
  return rows;
}
const gained = (before: readonly bigint[], after: readonly bigint[]) => after.map((units, at) => units - before[at]!);
const refused = (code: PayErrorCode, call: Promise<unknown>) => rejects(call, { code });

/** In order: the first needs validators that are new, and the others let months pass. */
export const courtCases: readonly CourtCase[] = [
  {
    name: 'every wrong step has a code and changes nothing',
    async run(town) {
      const { court, validators, newcomer } = town;
      const { opened, challenger, provider, receiptHash } = await accuse(town);
      const { id } = opened;
      const poor = await town.person(0n);
      const parties = [challenger.address, provider.address, validators[0]!.address];
      const before = await count(town, parties);
      const accusation = { provider: provider.address, receiptHash, penalty };
      await refused('dispute-missing', court.dispute(id + 1_000n));
      await refused(
        'receipt-hash-missing',
        court.open(challenger, { ...accusation, receiptHash: `0x${'0'.repeat(64)}` }),
      );
      await refused('penalty-out-of-range', court.open(challenger, { ...accusation, penalty: stake / 10n - 1n }));
      await refused('penalty-out-of-range', court.open(challenger, { ...accusation, provider: poor.address }));
      await refused('amount-zero', court.open(challenger, { ...accusation, penalty: 0n }));
      await refused('insufficient-funds', court.open(poor, accusation));
      await refused('answer-missing', court.answer(provider, { id, answerHash: `0x${'0'.repeat(64)}` }));
      await refused('not-provider', court.answer(challenger, { id, answerHash: newHash() }));
      await refused('window-open', court.conclude(challenger, id));
      await refused('wrong-phase', court.appeal(provider, id));
      const ballotOf = (validator: LocalWallet, round: 1 | 2 = 1) =>
        court.signVote(validator, { disputeId: id, round, verdict: 'guilty' });
      await refused('wrong-phase', court.vote(poor, await ballotOf(validators[0]!)));
      await court.answer(provider, { id, answerHash: newHash() });
      await refused('wrong-phase', court.answer(provider, { id, answerHash: newHash() }));
      await refused('wrong-round', court.vote(poor, await ballotOf(validators[0]!, 2)));
      await refused('not-validator', court.vote(poor, await ballotOf(poor)));
      await refused('validator-too-new', court.vote(poor, await ballotOf(newcomer)));
      const forged = { ...(await ballotOf(validators[0]!)), validator: validators[1]!.address };
      await refused('bad-signature', court.vote(poor, forged));
      const turned = { ...(await ballotOf(validators[0]!)), verdict: 'innocent' } as const;
      await refused('bad-signature', court.vote(poor, turned));
      await court.vote(challenger, await ballotOf(validators[0]!));
      await refused('already-voted', court.vote(challenger, await ballotOf(validators[0]!)));
      const { endsAt } = await court.dispute(id);
      await town.moveTo(endsAt + 1);
      await refused('window-over', court.vote(challenger, await ballotOf(validators[1]!)));
      equal(await count(town, parties), before);
      equal((await court.dispute(id)).guilty, 1);
    },
  },
  {
    name: 'a wrong receipt: three votes, an appeal, five votes, a slash, and every unit of it accounted for',
    async run(town) {
      const { court, validators } = town;
      const challenger = await town.person(50_000_000n);
      const provider = await town.person(50_000_000n, stake);
      const voters = validators.map(({ address }) => address);
      const before = await count(town, [challenger.address, provider.address, ...voters]);
      const receiptHash = newHash();
      const opened = await court.open(challenger, { provider: provider.address, receiptHash, penalty });
      equal([opened.phase, opened.counterBond, opened.round], ['answering', counterBond, 1]);
      await court.answer(provider, { id: opened.id, answerHash: newHash() });
      await voteAll(town, opened, ['guilty', 'guilty', 'guilty']);
      equal((await conclude(town, opened.id)).phase, 'appealable');
      await court.appeal(provider, opened.id);
      const second = await court.dispute(opened.id);
      equal([second.phase, second.round, second.guilty], ['voting', 2, 0]);
      await voteAll(town, second, ['guilty', 'guilty', 'guilty', 'guilty', 'guilty']);
      const ended = await conclude(town, opened.id);
      equal([ended.phase, ended.outcome], ['ended', 'guilty']);
      equal(await court.decidedBy({ provider: provider.address, receiptHash }), opened.id);

      const after = await count(town, [challenger.address, provider.address, ...voters]);
      const changes = gained(before, after);
      const shares = guiltyShares({ slashed: penalty, counterBond, round: 2, voters: 5 });
      const each = shares.eachVoter;
      equal(changes, [
        shares.challenger - counterBond,
        -penalty - counterBond,
        ...Array<bigint>(5).fill(each),
        0n,
        0n,
        shares.burned,
      ]);
      equal(
        changes.reduce((sum, change) => sum + change, 0n),
        0n,
      );
      // Half of the slash is burned, rounded up; three tenths are the challenger's; of two tenths the votes are paid back.
      const awarded = penalty / 2n;
      equal(changes[0], (awarded * 6n) / 10n);
      equal(each, counterBond / 2n / 5n);
      equal(changes.at(-1), penalty - (awarded * 6n) / 10n - 5n * each + counterBond);
      const due = await court.owed(challenger.address);
      equal(await court.collect(provider, challenger.address), due);
      equal([await court.owed(challenger.address), await court.collect(provider, challenger.address)], [0n, 0n]);
    },
  },
  {
    name: 'an honest provider is cleared, and its accuser pays it and the votes',
    async run(town) {
      const { opened, challenger, provider, receiptHash } = await accuse(town);
      const before = await count(town, [challenger.address, provider.address, town.validators[0]!.address]);
      await voteAll(town, opened, ['innocent', 'innocent', 'innocent', 'guilty']);
      const ended = await conclude(town, opened.id);
      equal(ended.outcome, 'innocent');
      const after = await count(town, [challenger.address, provider.address, town.validators[0]!.address]);
      const ending = { counterBond, round: 1, voters: 4 } as const;
      const shares = unpunishedShares({ ...ending, isInnocent: true, isAlone: false });
      equal(gained(before, after), [0n, shares.provider, shares.eachVoter, shares.burned]);
      equal([shares.provider, shares.eachVoter], [counterBond / 2n, counterBond / 2n / 4n]);
      equal(await town.stake(provider.address), stake);
      const again = { provider: provider.address, receiptHash, penalty };
      await refused('receipt-decided', town.court.open(challenger, again));
    },
  },
  {
    name: 'a verdict that nobody appeals slashes when its week is over, and not before',
    async run(town) {
      const { opened, provider } = await accuse(town);
      await voteAll(town, opened, ['guilty', 'guilty', 'guilty', 'innocent']);
      equal((await conclude(town, opened.id)).phase, 'appealable');
      await refused('window-open', town.court.conclude(provider, opened.id));
      equal(await town.stake(provider.address), stake);
      equal((await conclude(town, opened.id)).outcome, 'guilty');
      equal(await town.stake(provider.address), stake - penalty);
    },
  },
  {
    name: 'an appeal without five votes against it takes nothing from the provider',
    async run(town) {
      const { opened, challenger, provider } = await accuse(town);
      await voteAll(town, opened, ['guilty', 'guilty', 'guilty']);
      await conclude(town, opened.id);
      const before = await count(town, [provider.address]);
      await town.court.appeal(provider, opened.id);
      await voteAll(town, await town.court.dispute(opened.id), ['guilty', 'guilty', 'guilty', 'guilty']);
      equal((await conclude(town, opened.id)).outcome, 'dismissed');
      equal(gained(before, await count(town, [provider.address]))[0], 0n);
      const ending = { counterBond, round: 2, voters: 4 } as const;
      const shares = unpunishedShares({ ...ending, isInnocent: false, isAlone: false });
      equal(await town.court.owed(challenger.address), shares.challenger);
    },
  },
  {
    name: 'an accusation that nobody follows costs its maker half of what it put down',
    async run(town) {
      const { opened, challenger, provider } = await accuse(town);
      await town.moveTo(opened.endsAt + 1);
      equal((await town.court.dispute(opened.id)).phase, 'voting');
      equal((await conclude(town, opened.id)).outcome, 'dismissed');
      equal(await town.court.owed(challenger.address), counterBond / 2n);
      equal(await town.court.owed(provider.address), 0n);
    },
  },
  {
    name: 'a party to the dispute has no vote on it, validator or not; and who validates is on record',
    async run(town) {
      const { court, validators } = town;
      const provider = await town.person(0n, stake);
      const judge = validators[0]!;
      const opened = await court.open(judge, { provider: provider.address, receiptHash: newHash(), penalty });
      await court.answer(provider, { id: opened.id, answerHash: newHash() });
      const ballot = await court.signVote(judge, { disputeId: opened.id, round: 1, verdict: 'guilty' });
      await refused('validator-is-party', court.vote(validators[1]!, ballot));
      equal(await court.validatorTerm(provider.address), null);
      const term = await court.validatorTerm(judge.address);
      equal([term !== null && term.since <= opened.openedAt, term?.until], [true, null]);
      equal(await court.penaltyRange(provider.address), { minimum: stake / 10n, maximum: stake });
    },
  },
];
