import { createNotifier } from '#lib/base/notifier.ts';
import type { JobEvent } from '#lib/peer/spec.ts';
import { partLength } from '#lib/protocol/output.ts';
import type { Part } from '#lib/protocol/part.ts';

/** Records a run and replays it from the start to any number of readers. The run stops if the last reader leaves early. */
export interface ResponseRecorder {
  ended(): boolean;
  /** What has been recorded so far. */
  readonly events: readonly JobEvent[];
  /** The last reader left early, so the run is being stopped and cannot be followed any more. */
  abandoned(): boolean;
  /** Approximate memory of the recorded events. */
  sizeBytes(): number;
  /** Resolves at the end of the run; undefined when it threw or was abandoned. */
  readonly lastEvent: Promise<JobEvent | undefined>;
  follow(signal: AbortSignal | undefined): AsyncIterable<JobEvent>;
}

const eventBytes = 128;

const partBytes = (part: Part): number =>
  part.type === 'embedding'
    ? part.vector.length
    : part.type === 'data-delta'
      ? part.bytes.length
      : partLength(part) * 2;

export function createResponseRecorder(run: (stop: AbortSignal) => AsyncIterable<JobEvent>): ResponseRecorder {
  const events: JobEvent[] = [];
  const changed = createNotifier();
  const stop = new AbortController();
  let readers = 0;
  let sizeBytes = 0;
  let ended = false;
  let failure: { readonly error: unknown } | undefined;

  const record = async () => {
    try {
      for await (const event of run(stop.signal)) {
        events.push(event);
        sizeBytes += eventBytes;
        if (event.type === 'part-received') sizeBytes += partBytes(event.part);
        changed.notify();
      }
    } catch (error) {
      failure = { error };
    }
    ended = true;
    changed.notify();
    return failure ? undefined : events.at(-1);
  };

  async function* read(signal: AbortSignal | undefined): AsyncGenerator<JobEvent> {
    try {
      for (let at = 0; ;) {
        if (signal?.aborted) return;
        if (at < events.length) yield events[at++]!;
        else if (failure) throw failure.error;
        else if (ended) return;
        else await changed.wait({ signal });
      }
    } finally {
      readers -= 1;
      if (readers === 0 && !ended) stop.abort();
    }
  }

  return {
    events,
    ended: () => ended,
    abandoned: () => stop.signal.aborted,
    sizeBytes: () => sizeBytes,
    lastEvent: record(),
    follow(signal) {
      readers += 1;
      return read(signal);
    },
  };
}
