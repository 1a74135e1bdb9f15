import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { promptLength } from '#lib/protocol/job.ts';
import { partTokens } from '#lib/protocol/output.ts';
import type { EngineRequest, LoadedModel } from '../spec.ts';

/** Limits set by the device's owner. An absent member means no limit. */
export interface EngineLimits {
  /** Answers are cut off at this many tokens, with a warning. */
  readonly maxTokens?: number;
  /** Longest prompt in UTF-16 code units; longer ones are refused with `too-long`. */
  readonly promptCharacters?: number;
  /** Answers started per minute; more are refused with `busy` and `retryAfterMs`. */
  readonly answersPerMinute?: number;
  /** Throttles the engine to this rate, leaving the rest of the device to its owner. */
  readonly tokensPerSecond?: number;
}

/** Wraps a model to enforce its owner's limits; without any, it is the model itself. */
export function limit(model: LoadedModel, limits: EngineLimits, { clock }: { readonly clock: Clock }): LoadedModel {
  if (Object.keys(limits).length === 0) return model;
  let begunMs: number[] = [];

  const admit = (request: EngineRequest) => {
    const length = promptLength(request);
    if (limits.promptCharacters !== undefined && length > limits.promptCharacters) {
      throw new TabloomError(
        'too-long',
        `This device accepts prompts of at most ${limits.promptCharacters} characters. Shorten it.`,
      );
    }
    if (limits.answersPerMinute === undefined) return;
    const nowMs = clock.elapsed();
    begunMs = begunMs.filter((at) => nowMs - at < 60_000);
    if (begunMs.length >= limits.answersPerMinute) {
      throw new TabloomError('busy', 'This device has reached its limit of answers per minute. Try again soon.', {
        details: { retryAfterMs: 60_000 - (nowMs - begunMs[0]!) },
      });
    }
    begunMs.push(nowMs);
  };

  return {
    ...model,
    async *doStream(request, options) {
      admit(request);
      const allowed = withinTokens(request, limits.maxTokens ?? Infinity);
      if (allowed !== request) {
        const message = `This device limits answers to ${limits.maxTokens} tokens.`;
        yield { type: 'warning', code: 'max-tokens-lowered', message };
      }
      const startedMs = clock.elapsed();
      let tokens = 0;
      for await (const event of model.doStream(allowed, options)) {
        if (event.type !== 'finish' && partTokens(event) > 0 && limits.tokensPerSecond !== undefined) {
          // Delaying the reader throttles the engine through backpressure.
          const dueMs = startedMs + (tokens * 1_000) / limits.tokensPerSecond;
          const waitMs = dueMs - clock.elapsed();
          if (waitMs > 0) await clock.delay(waitMs, options);
          tokens += partTokens(event);
        }
        yield event;
      }
    },
  };
}

/** Returns the same object if the request is already within the limit. */
function withinTokens(request: EngineRequest, maxTokens: number): EngineRequest {
  if (request.kind !== 'chat' && request.kind !== 'completion') return request;
  if (request.params.maxTokens <= maxTokens) return request;
  return { ...request, params: { ...request.params, maxTokens } } as EngineRequest;
}
