import type { ArtefactId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { WorkOutcome } from '../session/worker-spec.ts';
import type { ModelWork } from '../spec.ts';
import { decodeRate } from './served-model.ts';

/** As `ModelWork` has them. */
type ModelSums = { -readonly [Name in Exclude<keyof ModelWork, 'running' | 'queued'>]: ModelWork[Name] };

export type JobOutcome = WorkOutcome & { readonly busyMs: number };

/** What was done since the start: in all, and with each model. */
export interface WorkSums {
  readonly total: Readonly<ModelSums>;
  of(artefact: ArtefactId): Readonly<ModelSums>;
  refused(artefact: ArtefactId): void;
  /** For the tokens of one job, as it writes them. */
  writing(artefact: ArtefactId): (tokens: number) => void;
  ended(artefact: ArtefactId, outcome: JobOutcome): void;
}

const noSums: ModelSums = {
  jobsDone: 0,
  jobsFailed: 0,
  jobsRefused: 0,
  tokensOut: 0,
  tokensIn: 0,
  decodeTps: undefined,
  busyMs: 0,
};
/** Models whose sums are remembered. */
const worksMax = 2 * limits.offerModelsMax;

/** `isServed`: models that are offered now, whose sums are not forgotten. */
export function createWorkSums(isServed: (artefact: ArtefactId) => boolean): WorkSums {
  const total = { ...noSums };
  const works = new Map<ArtefactId, ModelSums>();

  const sumsOf = (artefact: ArtefactId): ModelSums => {
    const known = works.get(artefact);
    if (known) return known;
    // Only models that were offered get here, but over months those may be many.
    const oldest = works.size >= worksMax ? [...works.keys()].find((one) => !isServed(one)) : undefined;
    if (oldest !== undefined) works.delete(oldest);
    const sums = { ...noSums };
    works.set(artefact, sums);
    return sums;
  };
  const both = (artefact: ArtefactId) => [total, sumsOf(artefact)];

  return {
    total,
    of: (artefact) => works.get(artefact) ?? noSums,
    refused(artefact) {
      total.jobsRefused += 1;
      // Anybody can ask for models that nobody has heard of.
      if (isServed(artefact)) sumsOf(artefact).jobsRefused += 1;
    },
    writing(artefact) {
      const sums = sumsOf(artefact);
      return (tokens) => {
        total.tokensOut += tokens;
        sums.tokensOut += tokens;
      };
    },
    ended(artefact, outcome) {
      if (outcome.type !== 'done' && outcome.type !== 'failed') return;
      for (const sums of both(artefact)) {
        sums.busyMs += outcome.busyMs;
        if (outcome.type === 'failed') {
          sums.jobsFailed += 1;
          continue;
        }
        const { usage, timings, reason } = outcome.result;
        sums.tokensIn += usage.tokensIn;
        if (reason === 'cancelled') continue;
        sums.jobsDone += 1;
        sums.decodeTps = decodeRate(usage, timings) ?? sums.decodeTps;
      }
    },
  };
}
