import { defaultMeasured } from '#lib/market/score.ts';
import type { Candidate } from '#lib/market/spec.ts';
import type { Standing } from '#lib/market/standing.ts';
import { promptLength, type Job, type Work } from '#lib/protocol/job.ts';
import type { KindTable } from '#lib/protocol/kinds/table.ts';
import { limits } from '#lib/protocol/limits.ts';

/** The timeout is this many times the expected time to the first token. */
const timeoutFactor = 3;
/** Bounds on what an offer may claim: the slowest prefill, in tokens a second, and the longest time to the first token. */
const slowestPrefillTps = 10;
const claimedTtftMsMax = 30_000;
/** Fewer characters a token than most texts have, so that the estimate errs towards more tokens. */
const charactersPerToken = 2;

type Prompt = Work & Pick<Job, 'resume'>;

/**
 * How long a worker that has a slot may take to send its first part, in milliseconds. Without it a worker that sends
 * nothing but `alive` would hold the asker until the job's deadline. Scales with the length of the prompt, over the prefill
 * rate that the worker offers, and with the time to the first token that was measured here or is offered; never less than
 * `limits.firstPartTimeoutMs`.
 */
export function firstPartTimeoutMs({ model }: Candidate, job: Prompt, standing?: Standing, kinds?: KindTable): number {
  const ttftMs = standing?.ttftMs ?? Math.min(model.measured?.ttftMs ?? defaultMeasured.ttftMs, claimedTtftMsMax);
  const prefillTps = Math.max(model.measured?.prefillTps ?? 0, slowestPrefillTps);
  const prefillMs = (promptLength(job, kinds) / charactersPerToken / prefillTps) * 1_000;
  return Math.max(limits.firstPartTimeoutMs, Math.max(ttftMs, prefillMs) * timeoutFactor);
}
