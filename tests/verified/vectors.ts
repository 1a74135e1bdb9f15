import type { AuditedAnswer } from './workers.ts';
import type { Row } from './curve.ts';

/** One worker's answers, as a second validator can check them: what was asked and answered, and the margins that were found. */
export interface VerificationVectors {
  /** The artefact that the worker claims. */
  readonly model: string;
  readonly worker: string;
  readonly isHonest: boolean;
  readonly temperature: 0;
  readonly answers: readonly {
    readonly question: string;
    readonly ids: readonly number[];
    readonly ending: 'stop' | 'length';
    /** Best − claimed of each token in nats, to four places; after `stop` also of the end. */
    readonly margins: readonly number[];
  }[];
}

export function vectorsOf({ title, isHonest, answers }: Row, model: string, tokens: number): VerificationVectors {
  const some: AuditedAnswer[] = [];
  for (let count = 0; count < tokens && some.length < answers.length;) {
    const one = answers[some.length]!;
    some.push(one);
    count += one.ids.length;
  }
  const round = (margin: number) => Math.round(margin * 1e4) / 1e4;
  return {
    model,
    worker: title,
    isHonest,
    temperature: 0,
    answers: some.map(({ question, ids, ending, scores }) => ({
      question,
      ids,
      ending,
      margins: scores.map(({ best, logprob }) => round(best - logprob)),
    })),
  };
}

/** The answers again, with scores that have these margins. */
export const auditedOf = ({ answers }: VerificationVectors): readonly AuditedAnswer[] =>
  answers.map(({ margins, ...answer }) => ({ ...answer, scores: margins.map((one) => ({ logprob: -one, best: 0 })) }));
