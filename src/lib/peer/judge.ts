import type { PeerId } from '#lib/protocol/ids.ts';
import { allHold } from '#lib/trust/check.ts';
import type { AttemptEnd } from './attempt-end.ts';
import { seenOf, type Attempt } from './attempt.ts';
import type { TrackRecord } from './track-record.ts';

/**
 * What the attempt says about the worker. A refusal is no failure, nor is an asker that changed its mind; a promise that
 * was broken is one.
 */
export function judge(trackRecord: TrackRecord, peer: PeerId, end: AttemptEnd, attempt: Attempt | undefined): void {
  switch (end.type) {
    case 'finished':
      if (attempt && allHold(end.settlement.receiptCheck)) trackRecord.finished(peer, seenOf(attempt));
      else trackRecord.failed(peer);
      break;
    case 'lost':
      trackRecord.failed(peer);
      break;
    case 'refused':
      if (end.promise === 'broken') trackRecord.failed(peer);
      else trackRecord.refused(peer);
      break;
    case 'failed':
      if (end.error.code === 'deadline') trackRecord.failed(peer);
      else trackRecord.refused(peer);
      break;
    case 'cancelled':
      trackRecord.refused(peer);
  }
}
