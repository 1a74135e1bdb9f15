import { createNotifier } from '#lib/base/notifier.ts';
import type { JobEvent } from '#lib/peer/spec.ts';
import { partLength } from '#lib/protocol/output.ts';
import type { Part } from '#lib/protocol/part.ts';

/** One run with any number of readers, each from the beginning. It stops when the last reader has left before the end. */
export interface Recording {
  readonly ended: boolean;
  /** Its last reader left before the end, so it is being stopped: nothing to follow any more. */
  readonly abandoned: boolean;
  /** About what the kept text takes. */
  readonly sizeBytes: number;
  /** The last event; undefined when the run threw or was left. */
  readonly over: Promise<JobEvent | undefined>;
  follow(signal: AbortSignal | undefined): AsyncIterable<JobEvent>;
}

const eventBytes = 128;

const partBytes = (part: Part): number =>
  part.type === 'embedding'
    ? part.vector.length
    : part.type === 'data-delta'
      ? part.bytes.length
      : partLength(part) * 2;

export function createRecording(run: (stop: AbortSignal) => AsyncIterable<JobEvent>): Recording {
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
    get ended() {
      return ended;
    },
    get abandoned() {
      return stop.signal.aborted;
    },
    get sizeBytes() {
      return sizeBytes;
    },
    over: record(),
    follow(signal) {
      readers += 1;
      return read(signal);
    },
  };
}
