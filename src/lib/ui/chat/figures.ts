import { attemptTps, type JobState } from '#lib/state/answer.ts';

/** Tokens a second of the worker that wrote last, as this page received them. */
export function seenTps({ attempts }: JobState): number | undefined {
  const last = attempts.findLast((attempt) => attempt.toToken > attempt.fromToken);
  return last && attemptTps(last);
}

/** Milliseconds from the question to the first token. */
export function firstTokenMs({ attempts, startedAt }: JobState): number | undefined {
  const at = attempts.find((attempt) => attempt.firstTokenAt !== undefined)?.firstTokenAt;
  return at === undefined || startedAt === undefined ? undefined : at - startedAt;
}
