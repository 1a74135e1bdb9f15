import type { GenerationParams } from '#lib/protocol/kinds/generation.ts';
import type { Part } from '#lib/protocol/part.ts';

/** How the engines of this project draw a token where the asker does not say. */
export const samplingDefaults = { temperature: 0.7, topP: 0.95 } as const;

export interface Sampling {
  /** 0 is greedy. */
  readonly temperature: number;
  readonly topP: number;
  /** 0: all of them. Engines have defaults of their own for this and `minP`; an answer is to be drawn alike in each. */
  readonly topK: number;
  readonly minP: number;
  /** 1: none. */
  readonly repetitionPenalty: number;
  readonly frequencyPenalty: number;
  readonly presencePenalty: number;
  /** Undefined: the engine draws one. */
  readonly seed: number | undefined;
}

export const samplingOf = (params: GenerationParams): Sampling => ({
  temperature: params.temperature ?? samplingDefaults.temperature,
  topP: params.topP ?? samplingDefaults.topP,
  topK: params.topK ?? 0,
  minP: params.minP ?? 0,
  repetitionPenalty: params.repetitionPenalty ?? 1,
  frequencyPenalty: params.frequencyPenalty ?? 0,
  presencePenalty: params.presencePenalty ?? 0,
  seed: params.seed,
});

/** Wishes about drawing that an answer is still an answer without. */
const softWishes = ['topK', 'minP', 'repetitionPenalty', 'reasoningEffort'] as const;

/** What an asker is told of the soft wishes that an engine passes over. */
export const passedOver = (
  params: GenerationParams,
  granted: readonly (typeof softWishes)[number][],
): readonly Extract<Part, { type: 'warning' }>[] =>
  softWishes
    .filter((wish) => params[wish] !== undefined && !granted.includes(wish))
    .map((wish) => ({
      type: 'warning',
      code: 'wish-passed-over',
      message: `This engine does not know "${wish}" and answers without it.`,
    }));
