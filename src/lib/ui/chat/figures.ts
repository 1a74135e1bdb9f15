import { attemptTps, type JobState } from '#lib/state/answer.ts';
import { splitThoughts } from '#lib/state/thoughts.ts';

/** Tokens per second of the last worker, as received by this page. */
export function seenTps({ attempts }: JobState): number | undefined {
  const last = attempts.findLast((attempt) => attempt.toToken > attempt.fromToken);
  return last && attemptTps(last);
}

/** How often another peer went on with the answer where the one before had stopped. */
export function resumptions({ attempts }: JobState): number {
  const delivered = attempts.filter(({ fromToken, toToken }) => toToken > fromToken);
  // What the reader asked for took up the earlier jobs, and not a loss.
  return Math.max(0, delivered.length - new Set(delivered.map(({ earlier }) => earlier?.job.id)).size);
}

/** Milliseconds from the question to the first token. */
export function firstTokenMs({ attempts, startedAt }: JobState): number | undefined {
  const at = attempts.find((attempt) => attempt.firstTokenAt !== undefined)?.firstTokenAt;
  return at === undefined || startedAt === undefined ? undefined : at - startedAt;
}

/** Whether an answer has ended with nothing to show: no word beside its thoughts, and no call of a tool. */
export const isEmptyAnswer = ({ phase, text, output }: JobState): boolean =>
  phase === 'finished' && output.toolCalls.length === 0 && splitThoughts(text, output.reasoning).answer.trim() === '';
