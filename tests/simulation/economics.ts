import { counterBondOf, guiltyShares, penaltyMinimum, quorumOf, unpunishedShares } from '#lib/pay/court-shares.ts';
import { bondJobs } from '#lib/pay/registry.ts';
import { auditShareOf, auditShares as shares } from '#lib/trust/audit-share.ts';
import { dishonestMax } from '#lib/trust/judge-standing.ts';
import { shareUnit } from '#lib/trust/beacon.ts';
import { publishedSeries } from '../verified/published-series.ts';
import { wilson } from '../verified/windows.ts';

/**
 * What cheating, judging and accusing bring on average, in prices of the largest job. Shares of bonds and slashes are the contracts'
 * own, to the unit; how often an audit finds a cheat is a parameter. Everything here is an expectation: nothing is drawn.
 */

/** Units of the largest job: so many that rounding does not show. */
const job = 1_000_000n;
const bond = bondJobs * job;
const inJobs = (units: bigint): number => Number(units) / Number(job);

const ofAll = (millionths: number) => millionths / shareUnit;

/** The share of receipts that are re-scored: of a worker's first jobs, and in the long run. */
export const auditShares = { entry: ofAll(shares.entry), floor: ofAll(shares.floor) } as const;

/** A way to cheat: what it saves of the price, and how often one audited answer shows it. */
export interface Cheat {
  readonly name: string;
  readonly saved: number;
  readonly detection: number;
}

/** Detection by one audit of 128 tokens, as published work lets expect of large models. */
export const cheats: readonly Cheat[] = [
  { name: 'canned replies', saved: 1, detection: 0.99 },
  { name: 'truncated answers', saved: 0.5, detection: 0.95 },
  { name: 'a smaller model', saved: 0.8, detection: 0.95 },
  { name: 'another system prompt', saved: 0.05, detection: 0.8 },
  { name: 'a coarser quantisation', saved: 0.4, detection: 0.6 },
  { name: 'a subtle change', saved: 0.2, detection: 0.1 },
];

/** A cheat of which audits were tried with the bundled model, by its row in docs/VERIFICATION.md. */
export interface MeasuredCheat {
  readonly name: string;
  /** Judged without calibration, or by honest margins as a network may publish them. */
  readonly judged: 'greedy' | 'calibrated';
  readonly saved: number;
  /** Of so many audits of 128 tokens, these found it. */
  readonly tried: number;
  readonly found: number;
}

/** How their rows begin, and what they save. */
const measuredRows = [
  { name: 'canned replies in its own words', row: 'Canned reply', judged: 'greedy', saved: 1 },
  { name: 'the same, by published margins', row: 'Canned reply', judged: 'calibrated', saved: 1 },
  { name: 'truncated answers', row: 'Truncation', judged: 'greedy', saved: 0.5 },
  { name: 'a smaller model', row: 'A smaller model', judged: 'greedy', saved: 0.8 },
  { name: 'another system prompt', row: 'Another system prompt', judged: 'greedy', saved: 0.05 },
  { name: 'the same, by published margins', row: 'Another system prompt', judged: 'calibrated', saved: 0.05 },
  { name: 'a coarser quantisation', row: 'Coarser quantisation', judged: 'greedy', saved: 0.4 },
  { name: 'the same, by published margins', row: 'Coarser quantisation', judged: 'calibrated', saved: 0.4 },
] as const;

/**
 * What docs/VERIFICATION.md says of them, which `npm run verified-curve` writes.
 * @param document its text. @throws where a row is missing.
 */
export const measuredCheats = (document: string): readonly MeasuredCheat[] =>
  measuredRows.map(({ row, ...cheat }) => {
    const section = document.slice(
      document.indexOf(`<!-- ${cheat.judged} -->`),
      document.indexOf(`<!-- /${cheat.judged} -->`),
    );
    const cells = section.split('\n').find((line) => line.startsWith(`| ${row}`));
    const [, percent, of] = /^([\d.]+) % \(.*, n = (\d+)\)$/.exec(cells?.split('|')[missedAt128]?.trim() ?? '') ?? [];
    if (of === undefined) throw new Error(`docs/VERIFICATION.md has no row "${row}" that is ${cheat.judged}.`);
    // Of at most a hundred audits, a whole percentage tells how many they were.
    const missed = Math.round((Number(percent) / 100) * Number(of));
    return { ...cheat, tried: Number(of), found: Number(of) - missed };
  });
const missedAt128 = 4;

/** Cheats whose answers a relay adds up by the rows that the product ships, by their rows in the table of series; what they save. */
const seriesRows = [
  { name: 'canned replies in its own words', row: 'Canned reply', saved: 1 },
  { name: 'another system prompt', row: 'Another system prompt', saved: 0.05 },
  { name: 'another model, nearly the same', row: 'Another model', saved: 0.4 },
  { name: 'a coarser quantisation', row: 'Coarser quantisation', saved: 0.4 },
  { name: 'a finer quantisation', row: 'Finer quantisation', saved: 0.2 },
] as const;

/** A cheat by single answers: how many of those that were tried convict their worker, and how many bring it in doubt. */
export interface SeriesCheat {
  readonly name: string;
  readonly saved: number;
  readonly answers: number;
  readonly failed: number;
  readonly doubted: number;
}

/** @param document the text of docs/VERIFICATION.md. @throws where a row is missing. */
export const seriesCheats = (document: string): readonly SeriesCheat[] =>
  seriesRows.map(({ row, ...cheat }) => {
    const { answers, failed, doubted } = publishedSeries(document, row);
    return { ...cheat, answers, failed, doubted };
  });

/**
 * Of a worker's answers, the share that is audited in the long run, where of those audited so many are in doubt: each makes it a newcomer
 * again. What convicts ends it, and is not reckoned with here.
 */
export function longRunShare(doubt: number): number {
  const shareAt = (sinceDoubt: number) =>
    ofAll(auditShareOf({ audited: auditsMax, convictions: 0, sinceDoubt }, shares.floor));
  let [jobs, audits, left] = [0, 0, 1];
  for (let since = 0; since < auditsMax && left > 1e-9; since++) {
    jobs += left / shareAt(since);
    audits += left;
    left *= 1 - doubt;
  }
  return audits / jobs;
}
const auditsMax = 10_000;

/** In the long run, with the least detection and the least doubt that the measurement leaves by 95 %. */
export function seriesGain(cheat: SeriesCheat): {
  readonly share: number;
  readonly detection: number;
  readonly gain: number;
} {
  const least = (count: number) => (count === 0 ? 0 : wilson(count, cheat.answers).low);
  const share = longRunShare(least(cheat.doubted));
  const detection = least(cheat.failed);
  return { share, detection, gain: cheatGain({ ...cheat, detection }, share, slashOf(1)) };
}

/** With the detection that the measurement leaves at least, by 95 %. */
export const atLeast = ({ name, saved, tried, found }: MeasuredCheat): Cheat => ({
  name,
  saved,
  detection: found === 0 ? 0 : wilson(found, tried).low,
});

/** What one conviction costs a provider that fights it or not, with a penalty of this share of its bond. */
export const slashOf = (share: number): number => inJobs(penaltyOf(share));

function penaltyOf(share: number): bigint {
  const asked = (bond * BigInt(Math.round(share * 10_000))) / 10_000n;
  const least = penaltyMinimum(bond);
  return asked < least ? least : asked;
}

/** Expected gain of one cheated job: what it saves, and the slash where it is picked, opened, and found. */
export const cheatGain = ({ saved, detection }: Cheat, share: number, slash: number): number =>
  (1 - share * detection) * saved - share * detection * slash;

/** The least product of share and detection at which cheating loses: slash / gain > (1 − p·d) / (p·d). */
export const breakEven = (saved: number, slash: number): number => saved / (saved + slash);

/** The least detection at which a share of audits makes it lose; above 1: no detection would. */
export const detectionNeeded = (saved: number, share: number, slash: number): number => breakEven(saved, slash) / share;

/**
 * A provider that convicts itself of a bad job by a challenger of its own, before others dispute it for more: what the two lose
 * together. With `judges` of its own among the validators what these are paid stays with it.
 */
export function selfConviction(judges: 0 | 3 = 0): number {
  const penalty = penaltyMinimum(bond);
  const counterBond = counterBondOf(penalty);
  const voters = quorumOf(1);
  const { challenger, eachVoter } = guiltyShares({ slashed: penalty, counterBond, round: 1, voters });
  return inJobs(challenger - counterBond + eachVoter * BigInt(judges) - penalty);
}

/** The same by a challenger whom nobody follows: it decides nothing, so others may still dispute the job. */
export function unheardChallenge(): number {
  const counterBond = counterBondOf(penaltyMinimum(bond));
  const ending = { counterBond, round: 1, voters: 0, isInnocent: false, isAlone: true } as const;
  return inJobs(unpunishedShares(ending).challenger - counterBond);
}

/** Accusing an honest provider: what the accuser gains where `wrongly` of such disputes end in a conviction, which no appeal lifts. */
export function falseAccusation(share: number, wrongly: number): number {
  const penalty = penaltyOf(share);
  const counterBond = counterBondOf(penalty);
  const won = guiltyShares({ slashed: penalty, counterBond, round: 2, voters: quorumOf(2) });
  const lost = unpunishedShares({ counterBond, round: 1, voters: quorumOf(1), isInnocent: true, isAlone: false });
  const gain = (units: bigint) => inJobs(units - counterBond);
  return wrongly * gain(won.challenger) + (1 - wrongly) * gain(lost.challenger);
}

/** Below this share of wrong convictions an accusation loses. */
export function wronglyMax(share: number): number {
  const [won, lost] = [falseAccusation(share, 1), falseAccusation(share, 0)];
  return -lost / (won - lost);
}

/** An accuser with a case: what it gains by a verdict that stands, after an appeal. */
export const justAccusation = (share: number): number => falseAccusation(share, 1);

/** What a validator is paid for a vote, whatever it says: the least and the most, in a first round and after an appeal. */
export function votePay(share: number): { readonly first: number; readonly appeal: number } {
  const counterBond = counterBondOf(penaltyOf(share));
  const pay = (round: 1 | 2) => {
    const ending = { counterBond, round, voters: quorumOf(round), isInnocent: true, isAlone: false };
    return inJobs(unpunishedShares(ending).eachVoter);
  };
  return { first: pay(1), appeal: pay(2) };
}

/** What re-scoring one answer costs: a prefill, at most this part of a job. */
export const scoringCost = 0.05;
/** Tasks that are planted: their verdict is known, and who misses three of them should be named no longer. */
export const plantedShare = 0.05;

/**
 * A validator over `votes` tasks. `honest` scores each; `lazy` guesses, gets every second planted task wrong, and is struck off at the first of them that
 * makes it unfit (`trust/judge-standing.ts`), if whoever names validators does so then. In prices of the largest job.
 */
export function validating(kind: 'honest' | 'lazy', votes: number, share: number): number {
  const { first: pay } = votePay(share);
  if (kind === 'honest') return votes * (pay - scoringCost);
  const caught = plantedShare / 2;
  let paid = 0;
  // How likely it is that it has missed so many by now: none, one and so on, while it is still fit.
  let missed: readonly number[] = Array.from({ length: dishonestMax + 1 }, (_, misses) => (misses === 0 ? 1 : 0));
  for (let vote = 0; vote < votes; vote++) {
    paid += pay * missed.reduce((sum, one) => sum + one, 0);
    missed = missed.map((one, misses) => one * (1 - caught) + (missed[misses - 1] ?? 0) * caught);
  }
  return paid;
}

/** From so many tasks on a lazy validator has earned less than an honest one. */
export function lazyLosesFrom(share: number): number {
  for (let votes = 1; votes <= 10_000; votes++) {
    if (validating('honest', votes, share) > validating('lazy', votes, share)) return votes;
  }
  return Number.POSITIVE_INFINITY;
}
