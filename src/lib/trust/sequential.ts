import { z } from 'zod';
import { nearTie } from './rescore.ts';

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

const honestShare = 0.015;
const fraudShare = 0.03;
const falseAlarm = 1e-4;
const missed = 1e-2;
const perMismatch = Math.log(fraudShare / honestShare);
const perMatch = Math.log((1 - fraudShare) / (1 - honestShare));
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
export function addMargins(state: Sequential, margins: readonly number[]): Sequential {
  let { tokens, mismatches, cleared } = state;
  if (state.verdict === 'convicted') return state;
  for (const margin of margins) {
    tokens += 1;
    if (margin > nearTie) mismatches += 1;
    const ratio = mismatches * perMismatch + (tokens - mismatches) * perMatch;
    if (ratio >= convictFrom) return { tokens, mismatches, cleared, verdict: 'convicted' };
    if (ratio <= clearFrom) [tokens, mismatches, cleared] = [0, 0, Math.min(countMax, cleared + 1)];
  }
  return { tokens, mismatches, cleared, verdict: 'open' };
}
