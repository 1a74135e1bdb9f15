import { TabloomError } from '#lib/base/errors.ts';
import type { Grammar } from '#lib/engine/grammar/grammar.ts';
import { toGbnf } from '#lib/engine/grammar/to-gbnf.ts';
import { samplingOf } from '#lib/engine/sampling.ts';
import type { GenerationParams } from '#lib/protocol/kinds/generation.ts';
import type { LlamaModel, SequenceEvaluateOptions, Token, TokenBias } from 'node-llama-cpp';
import { knownTokens } from './tokens.ts';

/**
 * How the package draws a token, by the tokens of the answer so far.
 * @throws `bad-request` for a bias it cannot set, or a grammar it cannot read.
 */
export async function evaluateOptions(
  params: GenerationParams,
  grammar: Grammar | undefined,
  model: LlamaModel,
): Promise<(said: () => Token[]) => SequenceEvaluateOptions> {
  const { repetitionPenalty, frequencyPenalty, presencePenalty, seed, ...cuts } = samplingOf(params);
  const penalised = repetitionPenalty !== 1 || frequencyPenalty !== 0 || presencePenalty !== 0;
  const options: SequenceEvaluateOptions = {
    ...cuts,
    ...(seed === undefined ? {} : { seed }),
    ...(params.logitBias && params.logitBias.length > 0 ? { tokenBias: await biasOf(params.logitBias, model) } : {}),
    ...(grammar ? { grammarEvaluationState: await grammarState(grammar, model) } : {}),
  };
  return (said) =>
    penalised
      ? {
          ...options,
          repeatPenalty: {
            punishTokens: said,
            maxPunishTokens: 512,
            penalty: repetitionPenalty,
            frequencyPenalty,
            presencePenalty,
          },
        }
      : options;
}

async function biasOf(biases: readonly (readonly [number, number])[], model: LlamaModel): Promise<TokenBias> {
  const { TokenBias } = await import('node-llama-cpp');
  const bias = TokenBias.for(model);
  const tokens = knownTokens(
    model,
    biases.map(([id]) => id),
  );
  for (const [index, token] of tokens.entries()) {
    // The package leaves these alone without a word.
    if (model.isEogToken(token)) {
      throw new TabloomError('bad-request', `Token ${token} ends an answer, and its bias cannot be set here.`);
    }
    bias.set(token, { logit: biases[index]![1] });
  }
  return bias;
}

async function grammarState(grammar: Grammar, model: LlamaModel) {
  const { LlamaGrammarEvaluationState } = await import('node-llama-cpp');
  try {
    const read = await model.llama.createGrammar({ grammar: toGbnf(grammar) });
    return new LlamaGrammarEvaluationState({ model, grammar: read });
  } catch (cause) {
    throw new TabloomError('bad-request', 'The schema is too large for this engine. Ask for less at once.', { cause });
  }
}
