import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Startable } from '#lib/base/startable.ts';
import type { AbortOptions } from '#lib/base/abort.ts';

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
): Startable & { readonly signal: AbortSignal | undefined } {
  let running: { readonly abort: AbortController; readonly loop: Promise<void> } | undefined;
  const loop = async (signal: AbortSignal) => {
    while (!signal.aborted) {
      await round({ signal }).catch((error: unknown) => {
        if (!signal.aborted) logger.warn(event, { code: errorCode(error) });
      });
      await clock.delay(intervalMs, { signal }).catch(() => undefined);
    }
  };
  return {
    /** Aborted once it is stopped; undefined while it does not run. */
    get signal() {
      return running?.abort.signal;
    },
    async start() {
      if (running) return;
      const abort = new AbortController();
      running = { abort, loop: loop(abort.signal) };
    },
    async stop() {
      running?.abort.abort();
      await running?.loop;
      running = undefined;
    },
  };
}
