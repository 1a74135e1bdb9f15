import { burnAddress } from '#lib/pay/court-memory.ts';
import { counterBondOf, guiltyShares, unpunishedShares } from '#lib/pay/court-shares.ts';
import type { Dispute } from '#lib/pay/court.ts';
import { disputeToJudge } from '#lib/pay/judging.ts';
import type { Address, Hex, LocalWallet } from '#lib/pay/spec.ts';
import type { CountedVote } from '#lib/trust/trial-state.ts';
import type { CourtTown } from '../compliance/court.ts';
import { startLocalChain } from '../integration/pay/chain.fixture.ts';
import { openCourt } from '../integration/pay/court.fixture.ts';
import type { TownTrial } from './town-report.ts';

/** What the contract made of a trial, and what each account has more or less than before, in units. */
export interface ChainRow {
  readonly manner: string;
  readonly outcome: string;
  readonly provider: bigint;
  readonly challenger: bigint;
  readonly eachVoter: bigint;
  readonly burned: bigint;
  readonly complaints: readonly string[];
}

/** An odd penalty, so that every half and tenth is rounded. */
const stake = 1_000_000_000n;
const penalty = 100_000_001n;
const inHand = 50_000_000n;

/**
 * Takes trials to `Disputes` on a local chain: what a trial disputes is opened there, and an accusation that it cleared too, as one
 * who accuses to harm would; validators vote as they revealed, and a provider found guilty appeals.
 */
export async function settleOnChain(
  trials: readonly TownTrial[],
  validators: readonly string[],
  say: (line: string) => void,
): Promise<readonly ChainRow[]> {
  const local = await startLocalChain();
  try {
    const court = await openCourt(local, local.chain());
    const rows: ChainRow[] = [];
    for (const trial of trials) {
      rows.push(await settle(court, trial, (peer) => court.validators[validators.indexOf(peer)]!));
      say(`On the chain: ${trial.manner} is over.`);
    }
    return rows;
  } finally {
    await local.stop();
  }
}

async function settle(
  town: CourtTown,
  trial: TownTrial,
  walletOf: (validator: string) => LocalWallet,
): Promise<ChainRow> {
  const { court } = town;
  const [challenger, provider] = [await town.person(inHand), await town.person(inHand, stake)];
  const voters = town.validators.map(({ address }) => address);
  const accounts = [provider.address, challenger.address, ...voters, burnAddress];
  const before = await fortunes(town, accounts);
  const receiptHash: Hex = `0x${trial.receiptHash}`;
  const accusation = { provider: provider.address, receiptHash, penalty };
  // One who knows that it is found out has itself accused for the least there is, by a friend: nobody votes on that.
  const friend = await town.person(inHand);
  const least = await court.open(friend, {
    ...accusation,
    penalty: (await court.penaltyRange(provider.address)).minimum,
  });
  const opened = await court.open(challenger, accusation);
  for (const { id } of [least, opened]) await court.answer(provider, { id, answerHash: receiptHash });
  const judge = async (votes: readonly CountedVote[]) => {
    const { id, round } = disputeToJudge([await court.dispute(least.id), await court.dispute(opened.id)])!;
    const told = votes.flatMap(({ validator, verdict }) => (verdict === 'undecided' ? [] : [{ validator, verdict }]));
    for (const { validator, verdict } of told) {
      const wallet = walletOf(validator);
      await court.vote(wallet, await court.signVote(wallet, { disputeId: id, round, verdict }));
    }
    await town.moveTo((await court.dispute(id)).endsAt + 1);
    const dispute = await court.conclude(provider, id);
    return { dispute, voters: told.map(({ validator }) => walletOf(validator).address) };
  };
  let { dispute, voters: last } = await judge(trial.first);
  if (dispute.phase === 'appealable') {
    await court.appeal(provider, dispute.id);
    ({ dispute, voters: last } = await judge(trial.last));
  }
  const gained = (await fortunes(town, accounts)).map((units, at) => units - before[at]!);
  const of = (account: Address) => gained[accounts.indexOf(account)]!;
  return {
    manner: trial.manner,
    outcome: dispute.outcome,
    provider: of(provider.address),
    challenger: of(challenger.address),
    eachVoter: of(last[0]!),
    burned: of(burnAddress),
    complaints: complaintsOf(trial, dispute, last.length, gained),
  };
}

/** In the order of the accounts: provider, challenger, validators, what is burned. */
function complaintsOf(trial: TownTrial, dispute: Dispute, voters: number, gained: readonly bigint[]): string[] {
  const expected = trial.outcome === 'convicted' ? 'guilty' : 'innocent';
  if (dispute.id === 0n || dispute.outcome !== expected)
    return [`The contract said ${dispute.outcome} of ${trial.manner}.`];
  const counterBond = counterBondOf(penalty);
  const ending = { counterBond, round: dispute.round, voters };
  const isGuilty = expected === 'guilty';
  const shares = isGuilty
    ? guiltyShares({ ...ending, slashed: penalty })
    : unpunishedShares({ ...ending, isInnocent: true, isAlone: false });
  const paidIn = dispute.round === 2 ? counterBond : 0n;
  const [provider, challenger, burned] = [gained[0], gained[1], gained.at(-1)];
  const wanted = [
    shares.provider - paidIn - (isGuilty ? penalty : 0n),
    shares.challenger - counterBond,
    shares.burned,
    BigInt(voters) * shares.eachVoter,
  ];
  const had = [provider, challenger, burned, gained.slice(2, -1).reduce((sum, one) => sum + one, 0n)];
  const isExact = wanted.every((units, at) => units === had[at]) && gained.reduce((sum, one) => sum + one, 0n) === 0n;
  return isExact ? [] : [`The sums of ${trial.manner} are not exact: ${had.join(', ')} for ${wanted.join(', ')}.`];
}

/** What each has, is owed, and has bonded. */
async function fortunes(town: CourtTown, accounts: readonly Address[]): Promise<readonly bigint[]> {
  const all: bigint[] = [];
  for (const account of accounts)
    all.push((await town.balance(account)) + (await town.court.owed(account)) + (await town.stake(account)));
  return all;
}
