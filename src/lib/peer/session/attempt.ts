import type { ErrorRecord } from '#lib/base/errors.ts';
import type { JobObservation } from '#lib/market/standing.ts';
import type { ChannelPath } from '#lib/net/spec.ts';
import type { Job } from '#lib/protocol/job.ts';
import type { FinishReason, Usage } from '#lib/protocol/part.ts';
import type { CheckedCheckpoint, Settlement, WorkerView } from '../spec.ts';

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
  /** When each stage was first reached, in milliseconds since the epoch. */
  readonly chosenAt: number;
  readonly openedAt?: number | undefined;
  readonly acceptedAt?: number | undefined;
  /** It has a slot. */
  readonly startedAt?: number | undefined;
  readonly firstTokenAt?: number | undefined;
  readonly lastTokenAt?: number | undefined;
  /** The last one that was checked; it takes the place of a receipt that the worker did not give. */
  readonly checkpoint?: CheckedCheckpoint | undefined;
  readonly settlement?: Settlement | undefined;
  readonly outcome: AttemptOutcome;
  readonly error?: ErrorRecord | undefined;
  /** The job that it belongs to, and how that ended, where the answer has gone on as another. */
  readonly earlier?: { readonly job: Job; readonly reason: FinishReason } | undefined;
}

export type AttemptOutcome = 'open' | 'refused' | 'lost' | 'finished' | 'failed' | 'cancelled';

/** Begins an attempt at the current end of the text. */
export function openAttempt(
  attempts: readonly Attempt[],
  worker: WorkerView,
  { text, tokens }: { readonly text: string; readonly tokens: number },
  chosenAt: number,
): readonly Attempt[] {
  return [
    ...attempts,
    {
      worker,
      fromCharacter: text.length,
      toCharacter: text.length,
      fromToken: tokens,
      toToken: tokens,
      chosenAt,
      outcome: 'open',
    },
  ];
}

/** Tokens that neither a receipt nor a checkpoint of their worker covers. */
export function unreceiptedTokens({ fromToken, toToken, settlement, checkpoint }: Attempt): number {
  if (settlement) return 0;
  return toToken - fromToken - (checkpoint?.tokensOut ?? 0);
}

/** Whether every worker that delivered something gave a receipt that passes all checks. */
export function allReceiptsHold({ attempts }: { readonly attempts: readonly Attempt[] }): boolean {
  const delivered = attempts.filter(({ fromToken, toToken }) => toToken > fromToken);
  return (
    delivered.length > 0 &&
    delivered.every(({ settlement }) => settlement && Object.values(settlement.receiptCheck).every(Boolean))
  );
}

/**
 * The usage of the whole answer: the tokens of every attempt, and the prompt once, as counted by the worker that gave the
 * receipt. Undefined before there is a receipt.
 */
export function usageOf(attempts: readonly Attempt[]): Usage | undefined {
  const settled = attempts.findLast(({ settlement }) => settlement !== undefined);
  if (!settled?.settlement) return undefined;
  const { usage } = settled.settlement;
  return { tokensIn: Math.max(0, usage.tokensIn - settled.fromToken), tokensOut: settled.fromToken + usage.tokensOut };
}

/** Changes the open attempt, if there is one. */
export function extendAttempt(attempts: readonly Attempt[], change: Partial<Attempt>): readonly Attempt[] {
  const last = attempts.at(-1);
  return last?.outcome === 'open' ? attempts.with(attempts.length - 1, { ...last, ...change }) : attempts;
}

/** Tokens a second from the first to the last, as the asker received them; undefined below two tokens. */
export function attemptTps({ fromToken, toToken, firstTokenAt, lastTokenAt }: Attempt): number | undefined {
  const tokens = toToken - fromToken;
  if (tokens < 2 || firstTokenAt === undefined || lastTokenAt === undefined || lastTokenAt <= firstTokenAt)
    return undefined;
  return ((tokens - 1) * 1_000) / (lastTokenAt - firstTokenAt);
}

/** What an attempt showed of its worker: tokens and their time span, time to the first token from the slot on, and round trip. */
export function seenOf(attempt: Attempt): JobObservation {
  const { chosenAt, openedAt, acceptedAt, startedAt, firstTokenAt, lastTokenAt } = attempt;
  return {
    tokens: attempt.toToken - attempt.fromToken,
    spanMs: lastTokenAt === undefined ? undefined : lastTokenAt - chosenAt,
    ttftMs: startedAt === undefined || firstTokenAt === undefined ? undefined : firstTokenAt - startedAt,
    rttMs: openedAt === undefined || acceptedAt === undefined ? undefined : acceptedAt - openedAt,
  };
}

/** Ends the open attempt; one that has ended already (its worker was lost before the job failed) keeps its outcome. */
export const closeAttempt = (
  attempts: readonly Attempt[],
  outcome: Exclude<AttemptOutcome, 'open'>,
  more: Pick<Attempt, 'error' | 'settlement'> = {},
): readonly Attempt[] => extendAttempt(attempts, { outcome, ...more });
