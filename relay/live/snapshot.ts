import type { Clock } from '#lib/base/clock.ts';
import type { BackendHealth } from '../native/backend-health.ts';

/** What a running program shows of itself. Whatever is read here is counted anyway. */
export interface LiveSnapshot {
  readonly uptimeMs: number;
  /** Tokens of answers since the start. */
  readonly tokensOut: number;
  readonly running: number;
  readonly queued: number;
  readonly served: number;
  readonly failed: number;
  readonly peers: number;
  /** The best served first. */
  readonly models: readonly LiveModel[];
  readonly backends: readonly BackendHealth[];
}

export interface LiveModel {
  readonly name: string;
  readonly workers: number;
  readonly slots: number;
  readonly running: number;
  readonly queued: number;
}

const windowMs = 10_000;

/** Tokens per second over the last ten seconds: some counts only rise when an answer has ended. */
export function createRate(clock: Clock): (tokens: number) => number {
  const samples: { readonly atMs: number; readonly tokens: number }[] = [];
  return (tokens) => {
    const atMs = clock.elapsed();
    samples.push({ atMs, tokens });
    // The newest that is older than the window stays, to measure from.
    while (samples.length > 2 && samples[1]!.atMs <= atMs - windowMs) samples.shift();
    const [first] = samples as [(typeof samples)[number]];
    const seconds = Math.max(1, (atMs - first.atMs) / 1_000);
    return Math.max(0, tokens - first.tokens) / seconds;
  };
}

/** Remembers what `read` gives for `ms`: for what costs more than a few counters. */
export function rarely<T>(clock: Clock, ms: number, read: () => T): () => T {
  let last: { readonly atMs: number; readonly value: T } | undefined;
  return () => {
    const atMs = clock.elapsed();
    if (last === undefined || atMs - last.atMs >= ms) last = { atMs, value: read() };
    return last.value;
  };
}
