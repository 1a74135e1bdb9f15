import { fromErrorRecord } from '#lib/base/errors.ts';
import { wireError } from '#lib/protocol/errors.ts';
import type { ChatCompletion } from '#lib/protocol/openai.ts';
import type { FinishReason, Usage } from '#lib/protocol/part.ts';
import { initialJob, reduceJob, type JobState } from '#lib/peer/session/job-state.ts';
import type { JobEvent } from '#lib/peer/spec.ts';
import { describeAnswer } from './extension.ts';
import type { RequestWarning } from './warnings.ts';

/** What stands in every object of one answer. */
export interface AnswerHead {
  /** The job's id. */
  readonly id: string;
  /** The model as the caller named it; the answer says the worker's name for it. */
  readonly model: string;
  /** Seconds since the epoch. */
  readonly created: number;
  readonly warnings: readonly RequestWarning[];
}

/** Runs a job to its end. @throws the job's coded error; `cancelled` when it was stopped. */
export async function collectJob(events: AsyncIterable<JobEvent>): Promise<JobState> {
  let state = initialJob;
  for await (const event of events) state = reduceJob(state, event);
  throwUnlessFinished(state);
  return state;
}

/** @throws the error the job ended with. */
export function throwUnlessFinished(state: JobState): void {
  if (state.phase === 'finished') return;
  if (state.phase === 'cancelled') throw wireError('cancelled');
  if (state.phase === 'failed' && state.error) throw fromErrorRecord(state.error);
  throw wireError('internal');
}

/** OpenAI's `chat.completion` of a finished job. */
export function writeCompletion(head: AnswerHead, state: JobState): ChatCompletion {
  return {
    id: completionId(head.id),
    object: 'chat.completion',
    created: head.created,
    model: state.worker?.model ?? head.model,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: state.text, refusal: null },
        logprobs: null,
        finish_reason: finishReason(state.reason),
      },
    ],
    usage: writeUsage(state.usage),
    tabloom: describeAnswer(head.id, state, head.warnings),
  };
}

export const completionId = (id: string) => `chatcmpl-${id}`;

export function writeUsage(usage: Usage | undefined) {
  const { tokensIn, tokensOut } = usage ?? { tokensIn: 0, tokensOut: 0 };
  return { prompt_tokens: tokensIn, completion_tokens: tokensOut, total_tokens: tokensIn + tokensOut };
}

/** OpenAI has no word for an answer that was stopped; its clients stop by leaving. */
export const finishReason = (reason: FinishReason | undefined): 'stop' | 'length' =>
  reason === 'length' ? 'length' : 'stop';
