import { errorCode, toErrorRecord } from '#lib/base/errors.ts';
import { tap } from '#lib/base/tap.ts';
import type { AskRequest, Consumer, JobEvent } from '#lib/peer/spec.ts';
import { wireError } from '#lib/protocol/errors.ts';
import type { RequestWarning } from './parameters.ts';
import { withTerms, type Allowance } from './spending.ts';

/** A request as a job for one of the models that it names. */
export interface ModelAttempt {
  readonly ask: AskRequest;
  /** The model's name as the caller wrote it. */
  readonly model: string;
  /** The limit in effect; undefined for kinds without one. */
  readonly maxTokens: number | undefined;
  /** The model's context, where it is served. */
  readonly contextTokens: number | undefined;
  /** The member of the request that fills it. */
  readonly conversation: 'messages' | 'input' | 'prompt';
  /** What becomes of a conversation that exceeds it. */
  readonly overflow: 'refused' | 'trimmed';
  readonly warnings: readonly RequestWarning[];
}

export type Attempts = readonly [ModelAttempt, ...ModelAttempt[]];

/** What another model would not change. */
const finalCodes = new Set(['bad-request', 'budget', 'cancelled', 'deadline']);

interface AskOptions {
  readonly signal: AbortSignal;
  /** What the job may cost at providers; undefined where only free ones may be asked. */
  readonly allowance?: Allowance | undefined;
}

/**
 * Asks for one model after the other until one begins to answer. Each is a job of its own; the events read as those of one
 * job whose workers were lost before they sent anything.
 * @throws `too-long` where the conversation exceeds the last model's context.
 */
export function askInTurn(
  attempts: Attempts,
  ids: readonly string[],
  consumer: Consumer,
  { signal, allowance }: AskOptions,
): AsyncIterable<JobEvent> {
  const [only, ...others] = attempts;
  if (others.length > 0) return askEach(attempts, ids, consumer, { signal, allowance });
  return tap(() => consumer.ask({ ...withTerms(only.ask, allowance?.terms()), id: ids[0] }, { signal }), {
    onValue: (event) => {
      if (isTooLong(event, only)) throw contextExceeded(only);
    },
  });
}

async function* askEach(
  attempts: Attempts,
  ids: readonly string[],
  consumer: Consumer,
  { signal, allowance }: AskOptions,
): AsyncGenerator<JobEvent> {
  for (const [index, attempt] of attempts.entries()) {
    const isLast = index === attempts.length - 1;
    let begun = false;
    let failed: Extract<JobEvent, { type: 'job-failed' }> | undefined;
    try {
      // All of them share what the job may cost.
      const ask = withTerms(attempt.ask, allowance?.terms());
      for await (const event of consumer.ask({ ...ask, id: ids[index] }, { signal })) {
        if (isTooLong(event, attempt)) throw contextExceeded(attempt);
        begun ||= event.type === 'part-received';
        if (event.type === 'job-failed' && !isLast && !begun && !finalCodes.has(event.error.code)) failed = event;
        else yield event;
      }
      if (!failed) return;
    } catch (error) {
      if (isLast || begun || errorCode(error) !== 'too-long') throw error;
      yield { type: 'worker-lost', at: 0, error: toErrorRecord(error) };
      continue;
    }
    yield { type: 'worker-lost', at: failed.at, error: failed.error };
  }
}

/** An answer to a conversation that was trimmed without being asked counts as a failure too. */
function isTooLong(event: JobEvent, { overflow }: ModelAttempt): boolean {
  if (event.type === 'job-failed') return event.error.code === 'too-long';
  if (event.type !== 'part-received' || overflow !== 'refused') return false;
  return event.part.type === 'warning' && event.part.code === 'history-trimmed';
}

/** The wording that clients match on to shorten a conversation and try again. */
function contextExceeded({ contextTokens, conversation }: ModelAttempt) {
  const most = contextTokens === undefined ? 'is exceeded' : `is ${contextTokens} tokens`;
  const message = `This model's maximum context length ${most}: the conversation is longer. Shorten the messages.`;
  return wireError('too-long', message, { details: { param: conversation } });
}
