import type { GenerationParams } from '#lib/protocol/kinds/generation.ts';

/** How the engines of this project draw a token where the asker does not say. */
export const samplingDefaults = { temperature: 0.7, topP: 0.95 } as const;

export interface Sampling {
  /** 0 is greedy. */
  readonly temperature: number;
  readonly topP: number;
  readonly frequencyPenalty: number;
  readonly presencePenalty: number;
  /** Undefined: the engine draws one. */
  readonly seed: number | undefined;
}

export const samplingOf = (params: GenerationParams): Sampling => ({
  temperature: params.temperature ?? samplingDefaults.temperature,
  topP: params.topP ?? samplingDefaults.topP,
  frequencyPenalty: params.frequencyPenalty ?? 0,
  presencePenalty: params.presencePenalty ?? 0,
  seed: params.seed,
});
