import type { ErrorRecord } from '#lib/base/errors.ts';
import type { ChannelPath } from '#lib/net/spec.ts';
import type { WorkerView } from './spec.ts';

/**
 * One worker's share of an answer: the half-open spans of characters (UTF-16 units of the joined text) and tokens it
 * delivered. The spans of a job's attempts follow each other without gaps, so a page can colour the text by worker.
 */
export interface Attempt {
  readonly worker: WorkerView;
  readonly path?: ChannelPath | undefined;
  readonly fromCharacter: number;
  readonly toCharacter: number;
  readonly fromToken: number;
  readonly toToken: number;
  readonly outcome: AttemptOutcome;
  readonly error?: ErrorRecord | undefined;
}

export type AttemptOutcome = 'open' | 'refused' | 'lost' | 'finished' | 'failed' | 'cancelled';

/** Begins an attempt where the text stands. */
export function openAttempt(
  attempts: readonly Attempt[],
  worker: WorkerView,
  { text, tokens }: { readonly text: string; readonly tokens: number },
): readonly Attempt[] {
  return [
    ...attempts,
    {
      worker,
      fromCharacter: text.length,
      toCharacter: text.length,
      fromToken: tokens,
      toToken: tokens,
      outcome: 'open',
    },
  ];
}

/** Changes the open attempt; without one nothing changes. */
export function extendAttempt(attempts: readonly Attempt[], change: Partial<Attempt>): readonly Attempt[] {
  const last = attempts.at(-1);
  return last?.outcome === 'open' ? [...attempts.slice(0, -1), { ...last, ...change }] : attempts;
}

/** Ends the open attempt; one that has ended already (its worker was lost before the job failed) keeps its outcome. */
export const closeAttempt = (
  attempts: readonly Attempt[],
  outcome: Exclude<AttemptOutcome, 'open'>,
  error?: ErrorRecord,
): readonly Attempt[] => extendAttempt(attempts, error ? { outcome, error } : { outcome });
