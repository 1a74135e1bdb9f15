import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { promptLength } from '#lib/protocol/job.ts';
import { partTokens } from '#lib/protocol/output.ts';
import type { EngineRequest, LoadedModel } from '../spec.ts';

/** What the owner of a device allows. What is left out is not limited. */
export interface EngineLimits {
  /** An answer is cut to this many tokens, with a warning. */
  readonly maxTokens?: number;
  /** Characters of a prompt; more is refused with `too-long`. */
  readonly promptCharacters?: number;
  /** Answers begun in a minute; more is refused with `busy` and `retryAfterMs`. */
  readonly answersPerMinute?: number;
  /** The engine is held back to this rate: a share of the device for its owner. */
  readonly tokensPerSecond?: number;
}

/** A model within its owner's limits. */
export function limit(model: LoadedModel, limits: EngineLimits, { clock }: { readonly clock: Clock }): LoadedModel {
  let begunMs: number[] = [];

  const admit = (request: EngineRequest) => {
    const length = promptLength(request);
    if (limits.promptCharacters !== undefined && length > limits.promptCharacters) {
      throw new TabloomError(
        'too-long',
        `This device reads at most ${limits.promptCharacters} characters. Shorten it.`,
      );
    }
    if (limits.answersPerMinute === undefined) return;
    const nowMs = clock.elapsed();
    begunMs = begunMs.filter((at) => nowMs - at < 60_000);
    if (begunMs.length >= limits.answersPerMinute) {
      throw new TabloomError('busy', 'This device has answered as often as it may in a minute. Try again soon.', {
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
        const message = `This device answers with at most ${limits.maxTokens} tokens.`;
        yield { type: 'warning', code: 'max-tokens-lowered', message };
      }
      const startedMs = clock.elapsed();
      let tokens = 0;
      for await (const event of model.doStream(allowed, options)) {
        if (event.type !== 'finish' && partTokens(event) > 0 && limits.tokensPerSecond !== undefined) {
          // Not reading holds the engine back.
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

/** The very same request where it is within the limit already. */
function withinTokens(request: EngineRequest, maxTokens: number): EngineRequest {
  if (request.kind !== 'chat' && request.kind !== 'completion') return request;
  if (request.params.maxTokens <= maxTokens) return request;
  return { ...request, params: { ...request.params, maxTokens } } as EngineRequest;
}
