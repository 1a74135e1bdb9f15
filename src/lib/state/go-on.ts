import { maxTokensMax } from '#lib/protocol/max-tokens.ts';
import { estimateTokens } from '#lib/protocol/tokens.ts';
import { promptLength } from '#lib/protocol/job.ts';
import type { AskRequest } from '#lib/peer/spec.ts';
import { continuationOf } from '#lib/peer/session/progress.ts';
import { continueJob, type JobState } from '#lib/peer/session/job-state.ts';
import type { Offer } from '#lib/protocol/offer.ts';
import type { NetworkView } from './network.ts';
import type { Target } from './target.ts';

/** Fewer tokens are not worth another job: what comes next is better asked for in a new turn, with less before it. */
const tokensMin = 32;

export interface GoingOn {
  readonly target: Target;
  /** Of the model that answers. */
  readonly contextTokens: number;
  readonly answerTokensMax: number;
  readonly budget: string | undefined;
}

/**
 * The job that goes on where an answer was cut off: the same work with more tokens, and what was delivered. Undefined where that
 * cannot be told to a worker, as of thoughts and calls, or where the context has no room left.
 * @param ids of the tokens of the answer, as far back as every token has one.
 */
export function goOnRequest(
  answer: JobState,
  ids: readonly number[] | undefined,
  { target, contextTokens, answerTokensMax, budget }: GoingOn,
): AskRequest | undefined {
  const { job, tokens } = answer;
  if (job?.kind !== 'chat' || answer.output.toolCalls.length > 0) return undefined;
  const whole = ids?.length === tokens ? { ids, before: undefined } : 'unknown';
  const continuation = continuationOf(answer, whole);
  if (continuation.type !== 'resume') return undefined;
  const room = Math.min(contextTokens - estimateTokens(promptLength(job), 'high'), maxTokensMax) - tokens;
  if (room < tokensMin) return undefined;
  const more = Math.min(answerTokensMax, room);
  return {
    kind: 'chat',
    model: { artefact: job.artefact },
    input: job.input,
    params: { ...job.params, maxTokens: tokens + more },
    tier: job.tier,
    after: { ...continuation.resume, job },
    budget: target.by === 'this-device' ? undefined : budget,
    only: target.by === 'anyone' || target.by === 'this-device' ? undefined : [target.by],
  };
}

/** The model by which somebody of this target can go on with an answer; undefined where nobody can now. */
export function resumingModel(
  artefact: string,
  { model: name, by }: Target,
  { offers }: NetworkView,
): Offer['models'][number] | undefined {
  return offers
    .filter(
      ({ offer, self }) => (by === 'anyone' && !offer.draining) || (by === 'this-device' ? self : offer.peer === by),
    )
    .flatMap(({ offer }) => offer.models)
    .find(
      (model) =>
        model.artefact === artefact &&
        (name === 'any' || model.name === name) &&
        model.features.some((feature) => feature === 'resume-exact' || feature === 'resume-text'),
    );
}

/** The answer itself goes on, while `follow` runs. `no-further`: nobody could go on with it, and it is as it was. */
export async function continueTurn(
  turn: { answer: JobState },
  follow: () => Promise<void>,
): Promise<'ended' | 'no-further'> {
  const before = turn.answer;
  turn.answer = continueJob(before);
  await follow();
  const after = turn.answer;
  turn.answer = afterGoingOn(before, after);
  return after.phase === 'failed' && after.text === before.text ? 'no-further' : 'ended';
}

/**
 * An answer that was to go on, and did not end well. With nothing new it is as it was; with more, it is cut off there, says why,
 * and can go on once more.
 */
export function afterGoingOn(before: JobState, after: JobState): JobState {
  if (after.phase !== 'failed' && after.phase !== 'cancelled') return after;
  // A copy: what was saved meanwhile has to be written over.
  if (after.text === before.text) return { ...before };
  if (after.phase === 'cancelled') return after;
  const { error, ...rest } = after;
  return { ...rest, phase: 'finished', reason: 'length', warnings: error ? [...rest.warnings, error] : rest.warnings };
}
