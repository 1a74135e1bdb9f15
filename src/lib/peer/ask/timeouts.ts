import { defaultMeasured } from '#lib/market/score.ts';
import type { Route } from '#lib/market/route.ts';
import type { Candidate } from '#lib/market/spec.ts';
import type { Standing } from '#lib/market/standing.ts';
import { needsOf, promptLength, type Job, type Work } from '#lib/protocol/job.ts';
import type { KindTable } from '#lib/protocol/kinds/table.ts';
import { limits } from '#lib/protocol/limits.ts';
import { estimateTokens } from '#lib/protocol/tokens.ts';
import type { Doubt } from '../session/asker-spec.ts';

/** The timeout is this many times the expected time to the first token. */
const timeoutFactor = 3;
/** Bounds on what an offer may claim: the slowest prefill, in tokens a second, and the longest time to the first token. */
const slowestPrefillTps = 10;
const claimedTtftMsMax = 30_000;

/** The longest wait in a queue that is believed where others could do the job, of a stranger and of a worker with standing. */
const strangerQueueMsMax = 15_000;
const knownQueueMsMax = 60_000;

/** What a worker is not simply believed; undefined where no other could do the job. */
export function doubtOf({ level, considered }: Pick<Route, 'level' | 'considered'>): Doubt | undefined {
  if (considered.every(({ reason }) => reason === 'chosen' || reason === 'forked')) return undefined;
  if (level === 'self' || level === 'own') return undefined;
  return level === 'established'
    ? { queueMsMax: knownQueueMsMax, empty: 'accept' }
    : { queueMsMax: strangerQueueMsMax, empty: 'ask-another' };
}
/** Tokens that may come without a part of their own: a split character, text held back; with tools, the head of a call. */
const hiddenTokens = { text: 8, calls: 64 } as const;
/** The decoding rate, in tokens a second, of a worker of which none is known. */
const unknownDecodeTps = 1;

type Prompt = Work & Pick<Job, 'resume'>;

/** The first part is expected after so many milliseconds: by what was measured here, else by the offer, within bounds. */
export function expectedFirstPartMs({ model }: Candidate, job: Prompt, standing?: Standing, kinds?: KindTable): number {
  const ttftMs = standing?.ttftMs ?? Math.min(model.measured?.ttftMs ?? defaultMeasured.ttftMs, claimedTtftMsMax);
  const prefillTps = Math.max(model.measured?.prefillTps ?? 0, slowestPrefillTps);
  const prefillMs = (estimateTokens(promptLength(job, kinds), 'highest') / prefillTps) * 1_000;
  return Math.max(ttftMs, prefillMs);
}

/**
 * How long a worker that has a slot may take to send its first part, in milliseconds. Without it a worker that sends
 * nothing but `alive` would hold the asker until the job's deadline. Scales with the length of the prompt, over the prefill
 * rate that the worker offers, and with the time to the first token that was measured here or is offered; never less than
 * `limits.firstPartTimeoutMs`.
 */
export const firstPartTimeoutMs = (...expected: Parameters<typeof expectedFirstPartMs>): number =>
  Math.max(limits.firstPartTimeoutMs, expectedFirstPartMs(...expected) * timeoutFactor);

/**
 * How long a worker may take from one part of the answer to the next, in milliseconds: three times what its decoding rate
 * explains, the lower of what it offers and what was measured here; never less than `limits.stallTimeoutMs`.
 */
export function stallTimeoutMs({ model }: Candidate, job: Work, standing?: Standing, kinds?: KindTable): number {
  const rates = [standing?.decodeTps, model.measured?.decodeTps].filter((tps) => tps !== undefined && tps > 0);
  const decodeTps = rates.length === 0 ? unknownDecodeTps : Math.min(...(rates as number[]));
  const tokens = needsOf(job, kinds).includes('tools') ? hiddenTokens.calls : hiddenTokens.text;
  return Math.max(limits.stallTimeoutMs, (tokens / decodeTps) * 1_000 * timeoutFactor);
}
