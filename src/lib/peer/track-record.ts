import type { Clock } from '#lib/base/clock.ts';
import { createBreakers } from '#lib/market/breaker.ts';
import { hasStanding, noHistory, withFailed, withFinished } from '#lib/market/history.ts';
import { outcomeOf, type AttemptEnding, type Outcome } from '#lib/market/outcome.ts';
import type { PeerHistory } from '#lib/market/spec.ts';
import type { ArtefactId, PeerId } from '#lib/protocol/ids.ts';
import { allHold } from '#lib/trust/check.ts';
import type { AttemptEnd } from './session/attempt-end.ts';
import { seenOf, type Attempt } from './session/attempt.ts';
import type { WorkerView } from './spec.ts';

/** What this asker has seen of the workers it tried, of each model for itself, in memory and bounded. */
export interface TrackRecord {
  history(peer: PeerId, artefact: ArtefactId): PeerHistory | undefined;
  /** Others are asked first. */
  isParked(peer: PeerId, artefact: ArtefactId): boolean;
  /** Peers that finished jobs of the model, the latest last. */
  known(artefact: ArtefactId): readonly PeerId[];
  chosen(peer: PeerId, artefact: ArtefactId): void;
  /** How the job that it was chosen for ended; see `outcomeOf`. */
  record(peer: PeerId, artefact: ArtefactId, outcome: Outcome): void;
}

const historiesMax = 4_096;
const knownMax = { artefacts: 256, peers: 32 } as const;

export function createTrackRecord(clock: Clock): TrackRecord {
  const breakers = createBreakers();
  const histories = new Map<string, PeerHistory>();
  const known = new Map<ArtefactId, Set<PeerId>>();

  const remember = (peer: PeerId, artefact: ArtefactId) => {
    const peers = known.get(artefact) ?? new Set<PeerId>();
    peers.delete(peer);
    bounded(peers.add(peer), knownMax.peers);
    known.delete(artefact);
    bounded(known.set(artefact, peers), knownMax.artefacts);
  };
  const keep = (worker: string, history: PeerHistory) => {
    histories.delete(worker);
    bounded(histories.set(worker, history), historiesMax);
  };

  return {
    history: (peer, artefact) => histories.get(keyOf(peer, artefact)),
    isParked: (peer, artefact) => breakers.isParked(keyOf(peer, artefact), clock.now()),
    known: (artefact) => [...(known.get(artefact) ?? [])],
    chosen: (peer, artefact) => breakers.record(keyOf(peer, artefact), 'chosen', clock.now()),
    record(peer, artefact, outcome) {
      const worker = keyOf(peer, artefact);
      breakers.record(worker, outcome.type, clock.now());
      const before = histories.get(worker) ?? noHistory;
      if (outcome.type === 'failed') keep(worker, withFailed(before));
      if (outcome.type === 'finished') {
        keep(worker, withFinished(before, outcome.seen));
        remember(peer, artefact);
      }
    },
  };
}

const keyOf = (peer: PeerId, artefact: ArtefactId): string => `${peer} ${artefact}`;

/** The oldest goes. */
function bounded<K>(kept: { readonly size: number; keys(): Iterator<K>; delete(key: K): boolean }, max: number): void {
  const oldest = kept.keys().next();
  if (kept.size > max && !oldest.done) kept.delete(oldest.value);
}

/** Records what an attempt's end says about the worker and the model it was asked for. */
export function recordOutcome(
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
      // The claim about the request stands: had another worker done the job, the session would report this end as a loss.
      return { type: 'refused', code: end.error.code, after: 'asking' };
    case 'lost':
      // The worker reported the failure itself; it did not go silent.
      if (end.error.details?.['saidCode'] !== undefined) {
        return { type: 'refused', code: end.error.code, after: 'accepted' };
      }
      return { type: end.error.code === 'bad-frame' || end.error.code === 'frame-too-large' ? 'breach' : 'lost' };
    case 'failed':
    case 'cancelled':
      return { type: 'given-up' };
  }
}
