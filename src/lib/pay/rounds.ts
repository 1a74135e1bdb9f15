import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Startable } from '#lib/base/startable.ts';
import type { AbortOptions } from '#lib/base/abort.ts';

/** What repeats itself. */
interface Rounds extends Startable {
  /** Aborted once it is stopped; undefined while it does not run. */
  readonly signal: AbortSignal | undefined;
  /** Has the next round come before its time, though not at once after another. Nothing while it does not run. */
  soon(): void;
}

/** Between a round and one that has been asked for. */
const soonMs = 5_000;

/** Repeats a round, each after the one before, until it is stopped. A round that fails is logged, and the next tries again. */
export function createRounds(
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  {
    event,
    intervalMs,
    round,
  }: {
    /** What a failed round is logged as. */
    readonly event: string;
    readonly intervalMs: number;
    readonly round: (options: AbortOptions) => Promise<unknown>;
  },
): Rounds {
  let running: { readonly abort: AbortController; readonly loop: Promise<void> } | undefined;
  let isWanted = false;
  let waiting: AbortController | undefined;
  const wait = async (ms: number) => {
    waiting = new AbortController();
    await clock.delay(ms, waiting).catch(() => undefined);
    waiting = undefined;
  };
  const loop = async (signal: AbortSignal) => {
    while (!signal.aborted) {
      isWanted = false;
      await round({ signal }).catch((error: unknown) => {
        if (!signal.aborted) logger.warn(event, { code: errorCode(error) });
      });
      const endedMs = clock.elapsed();
      if (!isWanted && !signal.aborted) await wait(intervalMs);
      const leftMs = Math.min(soonMs, intervalMs) - (clock.elapsed() - endedMs);
      if (leftMs > 0 && !signal.aborted) await wait(leftMs);
    }
  };
  return {
    get signal() {
      return running?.abort.signal;
    },
    soon() {
      if (!running || isWanted) return;
      isWanted = true;
      waiting?.abort();
    },
    async start() {
      if (running) return;
      const abort = new AbortController();
      running = { abort, loop: loop(abort.signal) };
    },
    async stop() {
      running?.abort.abort();
      waiting?.abort();
      await running?.loop;
      running = undefined;
    },
  };
}
