import { hasStanding } from '#lib/market/history.ts';
import { outcomeOf, type AttemptEnding } from '#lib/market/outcome.ts';
import { allHold } from '#lib/trust/check.ts';
import type { AttemptEnd } from '../session/attempt-end.ts';
import { seenOf, type Attempt } from '../session/attempt.ts';
import type { WorkerView } from '../spec.ts';
import type { TrackRecord } from '../track-record.ts';

/** Writes down what the attempt says about the worker and the model it was asked for. */
export function judge(
  trackRecord: TrackRecord,
  { peer, artefact }: Pick<WorkerView, 'peer' | 'artefact'>,
  end: AttemptEnd,
  attempt: Attempt | undefined,
): void {
  const standing = hasStanding(trackRecord.history(peer, artefact));
  const outcome = outcomeOf(endingOf(end, attempt), { latenessMs: 0, agreed: false, standing });
  trackRecord.record(peer, artefact, outcome);
}

function endingOf(end: AttemptEnd, attempt: Attempt | undefined): AttemptEnding {
  switch (end.type) {
    case 'finished':
      return {
        type: 'finished',
        receipt: attempt && allHold(end.settlement.receiptCheck) ? 'holds' : 'false',
        // Vectors and files have no tokens.
        answer: attempt?.firstTokenAt === undefined ? 'empty' : 'some',
        seen: attempt ? seenOf(attempt) : {},
      };
    case 'refused':
      // What was said of the request stands: had somebody done the job, the session would call it a loss.
      return { type: 'refused', code: end.error.code, after: 'asking' };
    case 'lost':
      // Its own word, and not the silence after it.
      if (end.error.details?.['saidCode'] !== undefined) {
        return { type: 'refused', code: end.error.code, after: 'accepted' };
      }
      return { type: end.error.code === 'bad-frame' || end.error.code === 'frame-too-large' ? 'breach' : 'lost' };
    case 'failed':
    case 'cancelled':
      return { type: 'given-up' };
  }
}
