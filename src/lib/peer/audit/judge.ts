import { encodeCbor } from '#lib/protocol/cbor.ts';
import type { GenerationParams } from '#lib/protocol/kinds/generation.ts';
import { judgeAnswer, mannerOf } from '#lib/trust/rescore.ts';
import type { Judge } from './validator.ts';

/** An answer that is said to have come to its limit had room for it in any context, if prompt and limit are no larger. */
const shortTokens = 128;
const shortBytes = 512;

/** The judge of whole answers, by this process's own scores of them and the ending that its worker signed. */
export const judgeShown: Judge = (scores, { input, params }, { reason, tokensOut }) => {
  const { maxTokens, ...asked } = params as GenerationParams;
  const isShort = maxTokens <= shortTokens && encodeCbor(input).length <= shortBytes;
  const manner = mannerOf(asked);
  const judged = judgeAnswer({
    scores,
    ended: scores.length > tokensOut,
    roomTokens: reason === 'length' && isShort ? maxTokens : undefined,
    manner,
  });
  return { ...judged, margins: manner.type === 'greedy' ? judged.margins : undefined };
};
