import type { PeerId } from '#lib/protocol/ids.ts';
import { epochRefusal, type OpenedEpoch } from '#lib/trust/epoch.ts';

/** The commitments that were heard of, each with the time at which it was. */
export interface SeenEpochs {
  /** Why it is not taken; undefined where it is. */
  note(epoch: OpenedEpoch, atMs: number): ReturnType<typeof epochRefusal>;
  /** When this one was first heard, in milliseconds since the epoch; undefined where it was not. */
  seenAt(hash: string): number | undefined;
}

/** Of workers, and of each one's epochs: an accusation follows within hours. */
const workersMax = 4_096;
const epochsMax = 48;

export function createSeenEpochs(onEquivocation: (one: OpenedEpoch, other: OpenedEpoch) => void): SeenEpochs {
  const byWorker = new Map<PeerId, OpenedEpoch[]>();
  const times = new Map<string, number>();
  const forget = (epochs: readonly OpenedEpoch[]) => {
    for (const { hash } of epochs) times.delete(hash);
  };
  return {
    note(epoch, atMs) {
      const { worker } = epoch.record;
      const known = byWorker.get(worker) ?? [];
      const twin = known.find((one) => epochRefusal(epoch, one) === 'equivocation');
      if (twin) {
        onEquivocation(twin, epoch);
        return 'equivocation';
      }
      const refusal = epochRefusal(epoch, known.at(-1));
      if (refusal === 'stale-epoch') return refusal;
      // A gap is news that was missed here; what follows it is no less committed to.
      byWorker.delete(worker);
      const kept = [...known, epoch];
      forget(kept.splice(0, kept.length - epochsMax));
      byWorker.set(worker, kept);
      times.set(epoch.hash, atMs);
      if (byWorker.size > workersMax) {
        const [oldest, epochs] = byWorker.entries().next().value!;
        byWorker.delete(oldest);
        forget(epochs);
      }
      return refusal;
    },
    seenAt: (hash) => times.get(hash),
  };
}
