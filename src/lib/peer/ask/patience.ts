import { defaultMeasured } from '#lib/market/score.ts';
import type { Candidate, PeerHistory } from '#lib/market/spec.ts';
import { promptLength, type Job, type Work } from '#lib/protocol/job.ts';
import type { KindTable } from '#lib/protocol/kinds/table.ts';
import { limits } from '#lib/protocol/limits.ts';

/** How often the expected time to the first token is allowed. */
const patienceFactor = 3;
/** No worker is believed to read more slowly than this, in tokens a second, nor to need longer before it reads. */
const slowestPrefillTps = 10;
const claimedTtftMsMax = 30_000;
/** Fewer characters a token than most texts have, so that a prompt is taken for longer rather than shorter. */
const charactersPerToken = 2;

type Prompt = Work & Pick<Job, 'resume'>;

/**
 * How long a worker that has a slot may take to its first word, in milliseconds: a worker that says `alive` and nothing
 * else would hold the asker to the end of its time. Measured by the prompt and by how fast it reads.
 */
export function firstPartTimeoutMs(
  { model }: Candidate,
  job: Prompt,
  history?: PeerHistory,
  kinds?: KindTable,
): number {
  const ttftMs = history?.ttftMs ?? Math.min(model.measured?.ttftMs ?? defaultMeasured.ttftMs, claimedTtftMsMax);
  const prefillTps = Math.max(model.measured?.prefillTps ?? 0, slowestPrefillTps);
  const prefillMs = (promptLength(job, kinds) / charactersPerToken / prefillTps) * 1_000;
  return Math.max(limits.firstPartTimeoutMs, Math.max(ttftMs, prefillMs) * patienceFactor);
}
