import { errorCode } from '#lib/base/errors.ts';
import { matchesModel } from '#lib/market/filter.ts';
import type { Directory, RouteQuery } from '#lib/market/spec.ts';
import { encodeAskerFrame } from '#lib/protocol/frame.ts';
import type { Job } from '#lib/protocol/job.ts';
import type { KindTable } from '#lib/protocol/kinds/table.ts';
import { engineOf } from '#lib/protocol/offer.ts';
import type { AskerState, Next } from '../session/asker-spec.ts';

interface Resuming {
  readonly state: AskerState;
  readonly effect: Next;
}

/**
 * Where an answer may be resumed, best first: by its ids in the same engine build, which gives what the lost worker would
 * have given; by its ids; by its text in the same build; by its text. The query itself where nothing was delivered.
 */
export function resumeQueries(
  query: RouteQuery,
  { state, effect }: Resuming,
  directory: Pick<Directory, 'serving'>,
): readonly RouteQuery[] {
  const { resume } = effect;
  const engine = state.job.attempts.findLast(({ fromToken, toToken }) => toToken > fromToken)?.worker.engine;
  if (!resume) return [query];
  const only = directory
    .serving(query.model)
    .filter(({ offer }) =>
      offer.models.some((model) => {
        const { name, build } = engineOf(offer, model);
        return matchesModel(query, model) && name === engine?.name && build === engine.build;
      }),
    )
    .map(({ offer }) => offer.peer)
    .filter((peer) => query.only?.includes(peer) ?? true);
  const needing = (feature: 'resume-exact' | 'resume-text') => {
    const able = { ...query, features: [...(query.features ?? []), feature] };
    // Of an answer that an earlier job began, the engine is not known.
    return engine ? [{ ...able, only }, able] : [able];
  };
  return [...(resume.ids ? needing('resume-exact') : []), ...needing('resume-text')];
}

/** The job, without its ids where only they make its frame too large: the text alone can be resumed too. */
export function resumeWithinFrame(job: Job, kinds: KindTable): Job {
  if (!job.resume?.ids) return job;
  try {
    encodeAskerFrame({ t: 'open', job }, kinds);
    return job;
  } catch (error) {
    if (errorCode(error) !== 'frame-too-large') throw error;
    const { ids: _, ...resume } = job.resume;
    return { ...job, resume };
  }
}
