import type { GenerationParams } from '#lib/protocol/kinds/generation.ts';
import type { Part } from '#lib/protocol/part.ts';

/** Sampling defaults of this project's engines. */
export const samplingDefaults = { temperature: 0.7, topP: 0.95 } as const;

export interface Sampling {
  /** 0 is greedy. */
  readonly temperature: number;
  readonly topP: number;
  /** 0 disables it. Always passed explicitly, like `minP`, because engines' own defaults differ. */
  readonly topK: number;
  readonly minP: number;
  /** 1 disables it. */
  readonly repetitionPenalty: number;
  readonly frequencyPenalty: number;
  readonly presencePenalty: number;
  /** If undefined, the engine picks one. */
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

/** Parameters that may be ignored with a warning: the answer is still valid without them. */
const optionalParams = ['topK', 'minP', 'repetitionPenalty', 'reasoningEffort'] as const;

/** Warnings for the optional parameters an engine ignores. */
export const unsupportedWarnings = (
  params: GenerationParams,
  granted: readonly (typeof optionalParams)[number][],
): readonly Extract<Part, { type: 'warning' }>[] =>
  optionalParams
    .filter((param) => params[param] !== undefined && !granted.includes(param))
    .map((param) => ({
      type: 'warning',
      code: 'wish-passed-over',
      message: `This engine does not support "${param}"; it was ignored.`,
    }));
