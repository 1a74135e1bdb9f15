import type { Resume } from '#lib/protocol/job.ts';
import { limits } from '#lib/protocol/limits.ts';
import { partTokens } from '#lib/protocol/output.ts';
import type { Part } from '#lib/protocol/part.ts';
import type { JobState } from './job-state.ts';

/**
 * The token ids of everything delivered so far, newest piece first, so that the cost of adding one does not grow with the
 * answer. `unknown` once a part has come without the ids of its tokens.
 */
export type DeliveredIds =
  { readonly ids: readonly number[]; readonly before: Exclude<DeliveredIds, 'unknown'> } | undefined | 'unknown';

export function addIds(delivered: DeliveredIds, part: Part): DeliveredIds {
  const tokens = partTokens(part);
  if (delivered === 'unknown' || tokens === 0 || !('ids' in part || 'tokens' in part)) return delivered;
  const ids = 'ids' in part ? part.ids : undefined;
  return ids?.length === tokens ? { ids, before: delivered } : 'unknown';
}

function listIds(delivered: DeliveredIds): readonly number[] | undefined {
  if (delivered === 'unknown') return undefined;
  const pieces: (readonly number[])[] = [];
  for (let at: Exclude<DeliveredIds, 'unknown'> = delivered; at; at = at.before) pieces.push(at.ids);
  return pieces.toReversed().flat();
}

/**
 * How a job continues at the next worker: from the start while the reader has nothing, from what was delivered, or not at
 * all. Text and tokens can be sent to a worker; reasoning, files and vectors cannot, and tool calls only by their token ids.
 */
export type Continuation =
  { readonly type: 'begin' } | { readonly type: 'resume'; readonly resume: Resume } | { readonly type: 'unsupported' };

export function continuationOf({ output, job }: JobState, delivered: DeliveredIds): Continuation {
  const { text, reasoning, toolCalls, logprobs, data, tokens } = output;
  if (tokens === 0 && text === '' && reasoning === '' && toolCalls.length === 0 && data.length === 0) {
    return { type: 'begin' };
  }
  const ids = listIds(delivered);
  const lacksLogprobs =
    job && 'logprobs' in job.params && job.params.logprobs !== undefined && logprobs.length < tokens;
  if (
    (job?.kind !== 'chat' && job?.kind !== 'completion') ||
    reasoning !== '' ||
    data.length > 0 ||
    (toolCalls.length > 0 && !ids) ||
    lacksLogprobs ||
    tokens > limits.maxTokensMax ||
    text.length * 3 > limits.messageTextBytesMax
  ) {
    return { type: 'unsupported' };
  }
  return { type: 'resume', resume: { text, tokens, ...(ids && ids.length > 0 ? { ids: [...ids] } : {}) } };
}

/** The new content of a part: a worker that resumes in the middle of a tool call may announce that call again. */
export function withoutKnownCall(part: Part, { output }: Pick<JobState, 'output'>): Part {
  if (part.type !== 'tool-call-delta' || part.index >= output.toolCalls.length) return part;
  const { id: _, name: __, ...rest } = part;
  return rest;
}
