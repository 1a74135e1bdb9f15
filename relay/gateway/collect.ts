import { fromErrorRecord } from '#lib/base/errors.ts';
import { initialJob, reduceJob, type JobState } from '#lib/peer/session/job-state.ts';
import type { JobEvent } from '#lib/peer/spec.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { isRefusal } from './answer.ts';
import { explainRefusal } from './refusal.ts';
import type { ParsedRequest } from './request.ts';

/** Runs a job to its end. @throws as `throwUnlessFinished` does. */
export async function collectJob(events: AsyncIterable<JobEvent>, parsed: ParsedRequest): Promise<JobState> {
  let state = initialJob;
  for await (const event of events) state = reduceJob(state, event);
  throwUnlessFinished(state, parsed);
  return state;
}

/** @throws the error the job ended with; `cancelled` when stopped; `peer-failed` when a constraint was not met. */
export function throwUnlessFinished(state: JobState, parsed: ParsedRequest): void {
  if (state.phase === 'finished') return assertConstraintsMet(parsed, state);
  if (state.phase === 'cancelled') throw wireError('cancelled');
  if (state.phase === 'failed' && state.error) {
    throw fromErrorRecord(explainRefusal(state.error, state, parsed.attempts[0]));
  }
  throw wireError('internal');
}

/** A worker may not do what it advertises. A refusal, or an answer that was cut off, cannot be held to any constraint. */
function assertConstraintsMet({ attempts: [{ ask }] }: ParsedRequest, state: JobState): void {
  const { output, reason } = state;
  if (ask.kind !== 'chat' || isRefusal(state) || reason === 'length' || reason === 'content-filter') return;
  const { toolChoice, responseFormat } = ask.params;
  const called = (name?: string) => output.toolCalls.some((call) => name === undefined || call.name === name);
  if (toolChoice?.type === 'required' && !called()) throw unmet('called no tool');
  if (toolChoice?.type === 'named' && !called(toolChoice.name)) throw unmet(`did not call "${toolChoice.name}"`);
  const structured = responseFormat !== undefined && responseFormat.type !== 'text' && output.toolCalls.length === 0;
  if (structured && !isJson(output.text)) throw unmet('gave no JSON');
}

const unmet = (what: string) =>
  wireError('peer-failed', `The model ${what}, although the request requires it. Try again or choose another model.`);

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
