import { encodeCbor } from '#lib/protocol/cbor.ts';
import type { GenerationParams } from '#lib/protocol/kinds/generation.ts';
import type { Receipt } from '#lib/protocol/receipt.ts';
import type { Calibration } from '#lib/trust/calibration.ts';
import { judgeAnswer, mannerOf } from '#lib/trust/rescore.ts';
import type { Judge } from './validator.ts';

/** An answer that is said to have come to its limit had room for it in any context, if prompt and limit are no larger. */
const shortTokens = 128;
const shortBytes = 512;

/**
 * The judge of whole answers, by this process's own scores of them and the ending that its worker signed. What a calibration alone
 * shows is `undecided`: a panel that has another one, or none, could not see it.
 */
export const judgeBy =
  (calibrationOf: (receipt: Receipt) => Calibration | undefined): Judge =>
  (scores, { input, params }, receipt) => {
    const { reason, tokensOut } = receipt;
    const { maxTokens, ...asked } = params as GenerationParams;
    const isShort = maxTokens <= shortTokens && encodeCbor(input).length <= shortBytes;
    const manner = mannerOf(asked);
    const answer = {
      scores,
      ended: scores.length > tokensOut,
      roomTokens: reason === 'length' && isShort ? maxTokens : undefined,
      manner,
    };
    const judged = judgeAnswer(answer);
    const calibration = judged.verdict === 'passed' ? calibrationOf(receipt) : undefined;
    const isBeyond = calibration && judgeAnswer({ ...answer, calibration }).verdict !== 'passed';
    const margins = manner.type === 'greedy' ? judged.margins : undefined;
    return isBeyond ? { ...judged, verdict: 'undecided', margins, isBeyond } : { ...judged, margins };
  };

/** Without calibration: as panels judge. */
export const judgeShown: Judge = judgeBy(() => undefined);
