import { systemClock } from '#lib/base/clock.ts';
import { burnAddress } from '#lib/pay/court-memory.ts';
import { counterBondOf, guiltyShares, unpunishedShares, type Shares } from '#lib/pay/court-shares.ts';
import type { Dispute } from '#lib/pay/court.ts';
import type { Address, Hex } from '#lib/pay/spec.ts';
import { quorumOf } from '#lib/trust/trial-state.ts';
import { stake, type TownCourt } from './on-chain.ts';
import type { TownTrial } from './town-report.ts';

/** What the contract made of a dispute, and what its parties had of it, in units. */
export interface ChainRow {
  readonly worker: string;
  readonly openedBy: string;
  readonly votes: number;
  readonly outcome: string;
  readonly provider: bigint;
  readonly challenger: bigint;
  readonly burned: bigint;
}

export interface CourtReport {
  readonly rows: readonly ChainRow[];
  readonly complaints: readonly string[];
}

interface Opened {
  readonly trial: TownTrial;
  /** `clerk`: by the peer whose accusation was upheld. */
  readonly by: 'clerk' | 'friend' | 'accuser';
  dispute: Dispute;
}

const waitSecondsMax = 60;
const dayMore = 86_400 + 60;

/**
 * The days before the contract. A cheat has a friend dispute its receipt for the least as well, answers, and appeals; the false accuser
 * disputes the honest answer for all; time passes. Everything else has to happen by itself.
 * @param halt stops whatever acts by itself, so that the sums stand still.
 */
export async function seeCourtDays(
  court: TownCourt,
  trials: readonly TownTrial[],
  { say, halt }: { readonly say: (line: string) => void; readonly halt: () => Promise<void> },
): Promise<CourtReport> {
  const { people, providers, walletOf, friend } = court;
  const contract = people.court;
  const complaints: string[] = [];

  const convicted = trials.filter(({ outcome }) => outcome === 'convicted');
  const cleared = trials.filter(({ outcome }) => outcome === 'cleared');
  for (const one of cleared.slice(0, 1))
    await contract.open(walletOf.get(one.accuser)!, {
      provider: providers.get(one.worker)!.address,
      receiptHash: hashOf(one),
      penalty: stake,
    });

  const read = async (): Promise<readonly Opened[]> =>
    (await court.disputes()).map((dispute) => {
      const trial = trials.find((one) => hashOf(one) === dispute.receiptHash)!;
      const isFriends = dispute.challenger === friend.address;
      return { trial, dispute, by: isFriends ? 'friend' : trial.outcome === 'cleared' ? 'accuser' : 'clerk' };
    });
  const workersOf = (some: readonly TownTrial[]) => new Set(some.map(({ worker }) => worker)).size;
  const waitFor = async (what: string, isSo: (all: readonly Opened[]) => boolean) => {
    for (let waited = 0; waited < waitSecondsMax; waited++) {
      if (isSo(await read())) return say(`Before the contract: ${what}.`);
      await systemClock.delay(1_000);
    }
    complaints.push(`Within ${waitSecondsMax} s it did not come to this before the contract: ${what}.`);
  };
  const pass = async (all: readonly Opened[], more: number) =>
    people.moveTo(Math.max(...all.filter(isRunning).map(({ dispute }) => dispute.endsAt)) + more);
  const judged = (all: readonly Opened[]) => all.filter(({ by }) => by !== 'friend');

  await waitFor(
    'each convicted worker is challenged by who accused it',
    (all) => all.filter(({ by }) => by === 'clerk').length === workersOf(convicted),
  );
  for (const { dispute } of (await read()).filter(({ by }) => by === 'clerk')) {
    const { provider, receiptHash } = dispute;
    const { minimum: penalty } = await contract.penaltyRange(provider);
    await contract.open(friend, { provider, receiptHash, penalty });
  }
  for (const { dispute, trial } of await read())
    await contract.answer(providers.get(trial.worker)!, { id: dispute.id, answerHash: hashOf(trial) });
  await waitFor('all who judged have voted', (all) => judged(all).every(haveVoted));
  await pass(await read(), dayMore);
  await waitFor('each first vote is counted', (all) =>
    judged(all).every(({ dispute }) => dispute.phase === 'appealable' || dispute.phase === 'ended'),
  );
  for (const { dispute, trial } of await read())
    if (dispute.phase === 'appealable') await contract.appeal(providers.get(trial.worker)!, dispute.id);
  await waitFor('all who judged have voted on the appeals', (all) =>
    judged(all).every((one) => !isRunning(one) || haveVoted(one)),
  );
  await pass(await read(), dayMore);
  await waitFor('each dispute that was voted on is over', (all) =>
    judged(all).every(({ dispute }) => dispute.phase === 'ended'),
  );

  const all = await read();
  for (const { by, dispute } of all)
    if (by === 'friend' && dispute.phase !== 'ended') await contract.conclude(friend, dispute.id);
  await halt();
  const last = await read();
  const after = await court.fortunes();
  const gained = new Map([...court.before].map(([account, units]) => [account, after.get(account)! - units]));
  return {
    rows: last.map((one) => rowOf(one, last)),
    complaints: [...complaints, ...last.flatMap(complaintOf), ...sumsOf(last, gained, court)],
  };
}

const hashOf = ({ receiptHash }: TownTrial): Hex => `0x${receiptHash}`;
const isRunning = ({ dispute }: Opened) => dispute.phase !== 'ended';

/** Those who found either way in one of the trial's rounds. */
const votersOf = ({ first, last }: TownTrial) =>
  new Set([...first, ...last].flatMap(({ verdict, validator }) => (verdict === 'undecided' ? [] : [validator]))).size;
const haveVoted = ({ trial, dispute }: Opened) => {
  const votes = dispute.guilty + dispute.innocent;
  // An appeal calls in those who were not seated before.
  return dispute.round === 1 ? votes === votersOf(trial) : votes >= Math.max(quorumOf[2], votersOf(trial));
};

const rowOf = (one: Opened, all: readonly Opened[]): ChainRow => {
  const { trial, by, dispute } = one;
  const { provider, challenger, burned } = wantedOf(one, all);
  const votes = dispute.guilty + dispute.innocent;
  return { worker: trial.manner, openedBy: by, votes, outcome: dispute.outcome, provider, challenger, burned };
};

function complaintOf({ trial, by, dispute }: Opened): string[] {
  const { outcome, penalty } = dispute;
  const wanted = by === 'friend' ? 'dismissed' : trial.outcome === 'convicted' ? 'guilty' : 'innocent';
  if (outcome !== wanted) return [`The contract said ${outcome} of ${trial.manner}, and not ${wanted} (by the ${by}).`];
  return by === 'clerk' && penalty !== stake ? [`A challenge of ${trial.manner} was not for the whole bond.`] : [];
}

/** By the contract's numbers: what the parties of a dispute have more or less, and what all voters of it have together. */
function wantedOf({ dispute }: Opened, all: readonly Opened[]): Shares & { readonly voters: bigint } {
  const { outcome, round, penalty, guilty, innocent } = dispute;
  const counterBond = counterBondOf(penalty);
  const ending = { counterBond, round, voters: guilty + innocent };
  const isGuilty = outcome === 'guilty';
  const shares = isGuilty
    ? guiltyShares({ ...ending, slashed: penalty })
    : unpunishedShares({ ...ending, isInnocent: outcome === 'innocent', isAlone: isAloneIn(dispute, all) });
  return {
    ...shares,
    provider: shares.provider - (round === 2 ? counterBond : 0n) - (isGuilty ? penalty : 0n),
    challenger: shares.challenger - counterBond,
    voters: BigInt(ending.voters) * shares.eachVoter,
  };
}

/** Nobody says that the challenger is right: no vote, and no other dispute over the receipt. */
const isAloneIn = ({ round, guilty, receiptHash }: Dispute, all: readonly Opened[]) =>
  round === 1 &&
  guilty === 0 &&
  !all.some(({ dispute }) => dispute.receiptHash === receiptHash && dispute.outcome === 'guilty');

function sumsOf(all: readonly Opened[], gained: ReadonlyMap<Address, bigint>, { friend, people }: TownCourt): string[] {
  const wanted = new Map<Address, bigint>();
  const add = (account: Address, units: bigint) => wanted.set(account, (wanted.get(account) ?? 0n) + units);
  let voters = 0n;
  for (const one of all) {
    const shares = wantedOf(one, all);
    add(one.dispute.provider, shares.provider);
    add(one.dispute.challenger, shares.challenger);
    add(burnAddress, shares.burned);
    voters += shares.voters;
  }
  const validators = people.validators.map(({ address }) => address);
  const ofValidators = validators.reduce((sum, one) => sum + gained.get(one)!, 0n);
  const others = [...gained].filter(([account]) => !validators.includes(account));
  const wrong = others.filter(([account, units]) => units !== (wanted.get(account) ?? 0n));
  const total = [...gained.values()].reduce((sum, units) => sum + units, 0n);
  return [
    ...wrong.map(
      ([account, units]) =>
        `${account === friend.address ? 'The friend' : account} has ${units} more, and not ${wanted.get(account) ?? 0n}.`,
    ),
    ...(ofValidators === voters ? [] : [`Validators have ${ofValidators} more, and not ${voters}.`]),
    ...(total === 0n ? [] : [`${total} units came from nowhere.`]),
  ];
}
