import { ewma } from '#lib/base/mean.ts';
import type { EngineTimings } from '#lib/engine/spec.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { Measured } from '#lib/protocol/offer.ts';
import type { Usage } from '#lib/protocol/part.ts';

/** Tokens below which a job says nothing about speed. */
const tokensMin = 4;

/**
 * A model's speed from a finished job: prefill as prompt tokens over the time to the first token, decode from the first
 * token to the last. Short jobs change only what they can show.
 */
export function withJob(before: Measured | undefined, usage: Usage, timings: EngineTimings): Measured | undefined {
  const decodeTps =
    usage.tokensOut >= tokensMin && timings.decodeMs > 0
      ? ((usage.tokensOut - 1) * 1_000) / timings.decodeMs
      : undefined;
  const prefillTps = usage.tokensIn > 0 && timings.ttftMs > 0 ? (usage.tokensIn * 1_000) / timings.ttftMs : undefined;
  if (decodeTps === undefined && before === undefined) return undefined;
  return {
    decodeTps: mean(before?.decodeTps, decodeTps),
    prefillTps: mean(before?.prefillTps, prefillTps),
    ttftMs: mean(before?.ttftMs, timings.ttftMs),
  };
}

/** Milliseconds a job takes from its slot to its end, by the running mean; for the waiting times told to askers. */
export const withDuration = (beforeMs: number | undefined, ms: number): number => ewma(beforeMs, ms) ?? ms;

/** 0 while nothing is known, as an offer states it. */
const mean = (before: number | undefined, now: number | undefined): number =>
  Math.min(limits.rateMax, ewma(before || undefined, now) ?? 0);
