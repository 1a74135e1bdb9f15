import { TabloomError } from '#lib/base/errors.ts';
import type { LlamaModel, Token } from 'node-llama-cpp';

/** A prompt as the model reads it, with its marks, and its beginning of text where it wants one. */
export function tokenize(model: LlamaModel, prompt: string): Token[] {
  const tokens = model.tokenize(prompt, true);
  const { bos } = model.tokens;
  return model.tokens.shouldPrependBosToken && bos !== null && tokens[0] !== bos ? [bos, ...tokens] : tokens;
}

const vocabularies = new WeakMap<LlamaModel, ReadonlySet<number>>();

/** Ids from outside as this model's tokens. @throws `bad-request` for one that is none. */
export function knownTokens(model: LlamaModel, ids: readonly number[]): readonly Token[] {
  const known = vocabularies.get(model) ?? new Set<number>(model.iterateAllTokens());
  vocabularies.set(model, known);
  const strange = ids.find((id) => !known.has(id));
  if (strange === undefined) return ids as readonly Token[];
  throw new TabloomError('bad-request', `${strange} is no token of this model. Send ids of its own vocabulary.`);
}
