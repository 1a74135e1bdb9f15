import { shareUnit } from '#lib/trust/beacon.ts';
import { levyShare } from '../../relay/ledger/levy.ts';
import { auditShares, cheatGain, scoringCost, type Cheat } from './economics.ts';

/** Canaries that the levy pays for, of all jobs: a canary has the shape of a job, and costs as much on average. */
const canariesPaid = Number(levyShare) / shareUnit;

/** How many canaries of a worker are looked into: of a newcomer's, in the long run, and all. */
export const canaryShares = [auditShares.entry, auditShares.floor, 1] as const;

/** Of all answers, those that are re-scored: a person's question is shown to nobody, so that only canaries can be. */
export const reScored = (ofCanaries: number): number => canariesPaid * ofCanaries;

/** Expected gain of one cheated job where nothing but what the levy pays for is re-scored. */
export const gainByLevy = (cheat: Cheat, ofCanaries: number, slash: number): number =>
  cheatGain(cheat, reScored(ofCanaries), slash);

/** What audits cost of the price of an average job: the canaries, and to re-score them. */
export const auditCost = (ofCanaries: number): number => canariesPaid + reScored(ofCanaries) * scoringCost;
