import { encodeCbor } from '#lib/protocol/cbor.ts';
import type { GenerationParams } from '#lib/protocol/kinds/generation.ts';
import type { Job } from '#lib/protocol/job.ts';
import type { Receipt } from '#lib/protocol/receipt.ts';
import { calibrationOf, kernelOf, rowsOf, type Calibration, type CalibrationRow } from '#lib/trust/calibration.ts';
import { judgeAnswer, mannerOf, type AnswerToJudge, type Judgement, type Scored } from '#lib/trust/rescore.ts';
import type { Judge, Judged } from './validator.ts';

/** An answer that is said to have come to its limit had room for it in any context, if prompt and limit are no larger. */
const shortTokens = 128;
const shortBytes = 512;

/** A whole answer, by this process's own scores of it and the ending that its worker signed. */
function answerOf(scores: readonly Scored[], { input, params }: Job, { reason, tokensOut }: Receipt): AnswerToJudge {
  const { maxTokens, ...asked } = params as GenerationParams;
  const isShort = maxTokens <= shortTokens && encodeCbor(input).length <= shortBytes;
  return {
    scores,
    ended: scores.length > tokensOut,
    roomTokens: reason === 'length' && isShort ? maxTokens : undefined,
    manner: mannerOf(asked),
  };
}

const judgedOf = (judged: Judgement, { manner }: AnswerToJudge): Judged => ({
  ...judged,
  margins: manner.type === 'greedy' ? judged.margins : undefined,
});

/** Without calibration: as panels judge where a network has published none. */
export const judgeShown: Judge = (...given) => {
  const answer = answerOf(...given);
  return judgedOf(judgeAnswer(answer), answer);
};

/** What an engine of this peer runs on that scores this artefact. */
export type ScoredBy = (artefact: Receipt['artefact']) => Receipt['engine'] | undefined;

/**
 * The judge of a panel in a network that has published how far honest margins go: those who sit on it judge by the same rows, which the worker could read
 * before. Each goes by the row of what it runs on itself; where only another's would fail an answer, it cannot tell, and says neither.
 */
export const judgeByRows =
  (rows: readonly CalibrationRow[], scoredBy: ScoredBy): Judge =>
  (scores, job, receipt) => {
    const answer = answerOf(scores, job, receipt);
    const plain = judgedOf(judgeAnswer(answer), answer);
    // What is neither way without rows may be one with them.
    if (plain.verdict === 'failed') return plain;
    const failing = rowsOf(rows, receipt.artefact, kernelOf(receipt.engine)).filter(
      (calibration) => judgeAnswer({ ...answer, calibration }).verdict === 'failed',
    );
    const own = scoredBy(receipt.artefact);
    if (calibrationOf(failing, own && kernelOf(own))) return { ...plain, verdict: 'failed' };
    return failing.length > 0 ? { ...plain, verdict: 'undecided' } : plain;
  };

/**
 * The judge of an auditor: as a panel judges, and by what it has learned itself. What that alone shows is `undecided`: a panel could not see it.
 */
export const judgeBy =
  (calibrationFor: (receipt: Receipt) => Calibration | undefined, panel: Judge = judgeShown): Judge =>
  (...given) => {
    const judged = panel(...given);
    const calibration = judged.verdict === 'failed' ? undefined : calibrationFor(given[2]);
    const { verdict, reasons } = judgeAnswer({ ...answerOf(...given), calibration });
    const isBeyond =
      calibration && (verdict === 'failed' || (verdict === 'undecided' && reasons.includes('in-between')));
    return isBeyond ? { ...judged, verdict: 'undecided', isBeyond } : judged;
  };
