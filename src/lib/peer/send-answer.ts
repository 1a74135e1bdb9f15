import type { Clock } from '#lib/base/clock.ts';
import type { Channel } from '#lib/net/spec.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { encodeWorkerFrame, type WorkerFrame } from '#lib/protocol/frame.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { JobRecord, QueuePlace } from './job-record.ts';
import { createPulse } from './pulse.ts';

/**
 * Tells one channel everything of a record: the place in the queue, the parts, `alive` when there is nothing to say, and
 * the frame that closes. Resolves when that last one has gone.
 * @throws `channel-lost`, `peer-lost` for an asker that does not read, the signal's coded error.
 */
export async function sendAnswer(
  record: JobRecord,
  channel: Channel,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const reader = record.log.read();
  const over = new AbortController();
  const within = AbortSignal.any([signal, over.signal]);
  let told: QueuePlace | undefined;
  let begun = false;
  let partSent = false;

  const nextFrame = (): WorkerFrame | undefined => {
    if (told === undefined || (!begun && told !== record.place)) {
      told = record.place;
      return { t: 'accepted', ...told };
    }
    const part = reader.next();
    if (part) {
      begun = true;
      return { t: 'part', part };
    }
    if (record.ending) return record.ending;
    return pulse.isQuiet ? { t: 'alive' } : undefined;
  };

  const pulse = createPulse({
    clock,
    signal: within,
    intervalMs: limits.aliveIntervalMs,
    stallMs: limits.sendStallMs,
    onQuiet: () => record.bell.ring(),
    onStall: () => over.abort(wireError('peer-lost', 'The asker has stopped reading.')),
  });

  try {
    for (;;) {
      const frame = nextFrame();
      // The part before has gone, which makes room. Only then: readers that woke each other for nothing would never sleep.
      if (partSent) record.bell.ring();
      partSent = frame?.t === 'part';
      if (!frame) {
        await record.bell.wait({ signal: within });
        continue;
      }
      await pulse.send(() => channel.send(encodeWorkerFrame(frame), { signal: within }));
      if (frame === record.ending) return;
    }
  } finally {
    over.abort();
    reader.close();
    record.bell.ring();
  }
}
