import { z } from 'zod';
import type { Calibration } from './calibration.ts';
import { nearTie, roundingMax } from './rescore.ts';

/**
 * What the audits of one worker come to together: Wald's sequential probability ratio test over its tokens (Sequential
 * Analysis, 1947), honest at 1.5 % mismatches against 3 %. It finds a difference too small for one answer, and takes as many
 * tokens as it needs: an honest worker is convicted once in ten thousand tests at most, one at 3 % is cleared once in a hundred.
 *
 * A test that clears its worker is followed by another from nothing, or old honesty would pay for new fraud. One that convicts
 * stays as it is. Both end with the kernel class: start a new state when a worker comes with another artefact, engine or build.
 */
export interface Sequential {
  /** Tokens and mismatches of the test under way. */
  readonly tokens: number;
  readonly mismatches: number;
  /** Tests that ended in favour of the worker. */
  readonly cleared: number;
  readonly verdict: 'open' | 'convicted';
}

export const sequentialStart: Sequential = { tokens: 0, mismatches: 0, cleared: 0, verdict: 'open' };

/** What is strange, and how many tokens of an honest worker and of a fraud are. */
export interface SeriesRule {
  /** A larger margin is a mismatch, in nats. */
  readonly limit: number;
  readonly honestShare: number;
  readonly fraudShare: number;
}

export const uncalibratedRule: SeriesRule = { limit: nearTie, honestShare: 0.015, fraudShare: 0.03 };

/**
 * Beyond every margin of a calibration, and beyond what two processors have been seen to differ by. The largest of 20,000 is exceeded by more
 * than 4.5 tokens in 10,000, where the test would begin to accuse, in one calibration of eight thousand (e^−9).
 */
export const calibratedRule = ({ max }: Pick<Calibration, 'max'>): SeriesRule => ({
  limit: Math.max(roundingMax, max),
  honestShare: 2e-4,
  fraudShare: 1e-3,
});

const falseAlarm = 1e-4;
const missed = 1e-2;
const convictFrom = Math.log((1 - missed) / falseAlarm);
const clearFrom = Math.log(missed / (1 - falseAlarm));

/** Far beyond the longest test: between its bounds, one of these two counts fixes the other. */
const countMax = 10_000_000;
const count = z.number().int().min(0).max(countMax);
const stateSchema = z
  .strictObject({ tokens: count, mismatches: count, cleared: count, verdict: z.enum(['open', 'convicted']) })
  .refine(({ tokens, mismatches }) => mismatches <= tokens);

/** As it was stored; a fresh one for anything else. */
export const readSequential = (stored: unknown): Sequential => {
  const parsed = stateSchema.safeParse(stored);
  return parsed.success ? parsed.data : sequentialStart;
};

/** @param margins best − claimed of each audited greedy token, in nats, in order. */
export function addMargins(
  state: Sequential,
  margins: readonly number[],
  { limit, honestShare, fraudShare } = uncalibratedRule,
): Sequential {
  const perMismatch = Math.log(fraudShare / honestShare);
  const perMatch = Math.log((1 - fraudShare) / (1 - honestShare));
  let { tokens, mismatches, cleared } = state;
  if (state.verdict === 'convicted') return state;
  for (const margin of margins) {
    tokens += 1;
    if (margin > limit) mismatches += 1;
    const ratio = mismatches * perMismatch + (tokens - mismatches) * perMatch;
    if (ratio >= convictFrom) return { tokens, mismatches, cleared, verdict: 'convicted' };
    if (ratio <= clearFrom) [tokens, mismatches, cleared] = [0, 0, Math.min(countMax, cleared + 1)];
  }
  return { tokens, mismatches, cleared, verdict: 'open' };
}
