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

/** @param resumedTokens tokens resumed from, for engines that take a single seed per run. */
export const samplingOf = (params: GenerationParams, resumedTokens = 0): Sampling => ({
  temperature: params.temperature ?? samplingDefaults.temperature,
  topP: params.topP ?? samplingDefaults.topP,
  topK: params.topK ?? 0,
  minP: params.minP ?? 0,
  repetitionPenalty: params.repetitionPenalty ?? 1,
  frequencyPenalty: params.frequencyPenalty ?? 0,
  presencePenalty: params.presencePenalty ?? 0,
  seed: params.seed === undefined ? undefined : seedAt(params.seed, resumedTokens),
});

/**
 * The seed for the token at this position of the answer. An engine with a seed per token then samples the same after a
 * resume as without one; any other at least does not repeat the random numbers of the answer's beginning. Algorithm:
 * the finaliser of MurmurHash3 (public domain, by A. Appleby).
 */
export function seedAt(seed: number, position: number): number {
  if (position === 0) return seed;
  let mixed = (seed + Math.imul(position, 0x9e37_79b9)) >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

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
      code: 'parameter-ignored',
      message: `This engine does not support "${param}"; it was ignored.`,
    }));
