import { fromErrorRecord } from '#lib/base/errors.ts';
import { initialJob, reduceJob, type JobState } from '#lib/peer/session/job-state.ts';
import type { JobEvent } from '#lib/peer/spec.ts';
import { wireError } from '#lib/protocol/errors.ts';
import type { ParsedRequest } from './request.ts';

/** A job's events, where an answer to a trimmed conversation counts as a failure. @throws `too-long`. */
export async function* rejectTrimmed(events: AsyncIterable<JobEvent>, parsed: ParsedRequest): AsyncGenerator<JobEvent> {
  for await (const event of events) {
    const trimmed =
      event.type === 'part-received' && event.part.type === 'warning' && event.part.code === 'history-trimmed';
    const refused = event.type === 'job-failed' && event.error.code === 'too-long';
    if (trimmed || refused) throw contextExceeded(parsed.contextTokens);
    yield event;
  }
}

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
  if (state.phase === 'failed' && state.error) throw fromErrorRecord(state.error);
  throw wireError('internal');
}

/** The wording that clients match on to shorten a conversation and try again. */
function contextExceeded(contextTokens: number | undefined) {
  const most = contextTokens === undefined ? 'is exceeded' : `is ${contextTokens} tokens`;
  const message = `This model's maximum context length ${most}: the conversation is longer. Shorten the messages.`;
  return wireError('too-long', message, { details: { param: 'messages' } });
}

/** A worker may not do what it advertises. An answer that was cut off cannot be held to any constraint. */
function assertConstraintsMet({ ask }: ParsedRequest, { output, reason }: JobState): void {
  if (ask.kind !== 'chat' || reason === 'length' || reason === 'content-filter') return;
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
