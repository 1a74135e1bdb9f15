import { ewma } from '#lib/base/mean.ts';
import type { Measured } from '#lib/protocol/offer.ts';
import { partTokens } from '#lib/protocol/output.ts';
import type { EngineEvent, LoadedModel } from '../spec.ts';

export interface MeteredEngine extends LoadedModel {
  readonly counts: MeterCounts;
  /** Running means over finished answers; undefined until one was long enough to measure. */
  readonly measured: Measured | undefined;
}

export interface MeterCounts {
  readonly started: number;
  readonly finished: number;
  readonly failed: number;
  readonly tokensIn: number;
  readonly tokensOut: number;
}

/** Answers shorter than this are too short to measure. */
const tokensMin = 4;

/** Measures a model's work and speed without changing its behaviour. */
export function meter(model: LoadedModel, options: { readonly initial?: Measured | undefined } = {}): MeteredEngine {
  const counts = { started: 0, finished: 0, failed: 0, tokensIn: 0, tokensOut: 0 };
  let measured = options.initial;

  return {
    ...model,
    get counts() {
      return { ...counts };
    },
    get measured() {
      return measured;
    },
    async *doStream(request, streamOptions) {
      counts.started += 1;
      let finished = false;
      try {
        for await (const event of model.doStream(request, streamOptions)) {
          if (event.type !== 'finish') counts.tokensOut += partTokens(event);
          if (event.type === 'finish') {
            finished = true;
            counts.finished += 1;
            counts.tokensIn += event.usage.tokensIn;
            measured = withAnswer(measured, event);
          }
          yield event;
        }
      } finally {
        if (!finished) counts.failed += 1;
      }
    },
  };
}

type Finish = Extract<EngineEvent, { type: 'finish' }>;

/** Speeds of one answer in tokens per second. The time to first token includes that token's own decoding step. */
export function speedOf({ usage, timings }: Finish): Measured | undefined {
  if (usage.tokensOut < tokensMin || timings.decodeMs <= 0 || timings.ttftMs <= 0) return undefined;
  return {
    decodeTps: ((usage.tokensOut - 1) * 1_000) / timings.decodeMs,
    prefillTps: (usage.tokensIn * 1_000) / timings.ttftMs,
    ttftMs: timings.ttftMs,
  };
}

function withAnswer(before: Measured | undefined, finish: Finish): Measured | undefined {
  const now = speedOf(finish);
  if (!now || !before) return now ?? before;
  const mean = (old: number, fresh: number) => ewma(old, fresh) ?? fresh;
  return {
    decodeTps: mean(before.decodeTps, now.decodeTps),
    prefillTps: mean(before.prefillTps, now.prefillTps),
    ttftMs: mean(before.ttftMs, now.ttftMs),
  };
}
