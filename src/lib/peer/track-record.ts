import type { Clock } from '#lib/base/clock.ts';
import { createBreakers } from '#lib/market/breaker.ts';
import { noHistory, withFailed, withFinished, type Seen } from '#lib/market/history.ts';
import type { PeerHistory } from '#lib/market/spec.ts';
import type { PeerId } from '#lib/protocol/ids.ts';

/** What this asker has seen of the workers it tried, in memory and bounded. */
export interface TrackRecord {
  history(peer: PeerId): PeerHistory | undefined;
  isParked(peer: PeerId): boolean;
  chosen(peer: PeerId): void;
  finished(peer: PeerId, seen: Seen): void;
  /** It did not do it and is not to blame: a refusal, an asker that changed its mind. */
  refused(peer: PeerId): void;
  /** For a loss or a broken promise; a refusal is neither. */
  failed(peer: PeerId): void;
}

const peersMax = 4_096;

export function createTrackRecord(clock: Clock): TrackRecord {
  const breakers = createBreakers();
  const histories = new Map<PeerId, PeerHistory>();
  const keep = (peer: PeerId, history: PeerHistory) => {
    histories.delete(peer);
    histories.set(peer, history);
    const oldest = histories.keys().next().value;
    if (histories.size > peersMax && oldest !== undefined) histories.delete(oldest);
  };
  return {
    history: (peer) => histories.get(peer),
    isParked: (peer) => breakers.isParked(peer, clock.now()),
    chosen: (peer) => breakers.record(peer, 'chosen', clock.now()),
    finished(peer, seen) {
      breakers.record(peer, 'finished', clock.now());
      keep(peer, withFinished(histories.get(peer) ?? noHistory, seen));
    },
    refused: (peer) => breakers.record(peer, 'refused', clock.now()),
    failed(peer) {
      breakers.record(peer, 'failed', clock.now());
      keep(peer, withFailed(histories.get(peer) ?? noHistory));
    },
  };
}
