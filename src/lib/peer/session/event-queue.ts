import type { Part } from '#lib/protocol/part.ts';
import type { JobEvent } from '../spec.ts';

/**
 * Job events for a reader that may be slower than they come. Unread text is joined; past the limit the queue is full, which
 * the pump has to respect: an event that is pushed is always kept.
 */
export interface EventQueue extends AsyncIterable<JobEvent> {
  push(event: JobEvent): void;
  readonly isFull: boolean;
  /** Ends the queue after the last event. */
  end(): void;
}

export interface EventQueueListeners {
  /** The queue was full and has been read empty. */
  readonly onDrain: () => void;
  /** The reader has left before the end. */
  readonly onAbandon: () => void;
}

const unreadBytesMax = 64 * 1024;
const eventBytes = 64;

type TextPart = Extract<Part, { type: 'text-delta' | 'reasoning-delta' }>;
type PartEvent = Extract<JobEvent, { type: 'part-received' }>;

export function createEventQueue({ onDrain, onAbandon }: EventQueueListeners): EventQueue {
  let events: JobEvent[] = [];
  let first = 0;
  let bytes = 0;
  let ended = false;
  let wake: (() => void) | undefined;

  const push = (event: JobEvent) => {
    bytes += sizeOf(event);
    const last = events.length > first ? events[events.length - 1] : undefined;
    const joined = last && join(last, event);
    if (joined) events[events.length - 1] = joined;
    else events.push(event);
    if (bytes > unreadBytesMax) queue.isFull = true;
    wake?.();
  };
  const take = (): JobEvent => {
    const event = events[first++]!;
    if (first > 32 && first * 2 > events.length) {
      events = events.slice(first);
      first = 0;
    }
    if (events.length === first) bytes = 0;
    if (queue.isFull && bytes === 0) {
      queue.isFull = false;
      onDrain();
    }
    return event;
  };

  const iterator: AsyncIterableIterator<JobEvent> = {
    next() {
      if (first < events.length) return Promise.resolve({ done: false, value: take() });
      if (ended) return Promise.resolve({ done: true, value: undefined });
      return new Promise((resolve) => {
        wake = () => {
          wake = undefined;
          resolve(first < events.length ? { done: false, value: take() } : { done: true, value: undefined });
        };
      });
    },
    async return() {
      if (!ended) onAbandon();
      ended = true;
      events = [];
      first = 0;
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => iterator,
  };

  const queue: EventQueue & { isFull: boolean } = {
    push,
    isFull: false,
    end() {
      ended = true;
      wake?.();
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return queue;
}

const sizeOf = (event: JobEvent): number =>
  event.type === 'part-received' ? eventBytes + partSize(event.part) : eventBytes;

function partSize(part: Part): number {
  if (part.type === 'text-delta' || part.type === 'reasoning-delta') return part.text.length;
  if (part.type === 'data-delta') return part.bytes.length;
  return part.type === 'embedding' ? part.vector.length : eventBytes;
}

/** One event in place of two, or undefined if they cannot be joined. */
function join(a: JobEvent, b: JobEvent): JobEvent | undefined {
  if (a.type !== 'part-received' || b.type !== 'part-received') return undefined;
  const [before, after] = [textOf(a), textOf(b)];
  if (!before || !after || before.type !== after.type || (before.ids === undefined) !== (after.ids === undefined))
    return undefined;
  return {
    type: 'part-received',
    at: b.at,
    part: {
      type: before.type,
      text: before.text + after.text,
      tokens: before.tokens + after.tokens,
      ...(before.ids && after.ids ? { ids: [...before.ids, ...after.ids] } : {}),
    },
  };
}

const textOf = ({ part }: PartEvent): TextPart | undefined =>
  part.type === 'text-delta' || part.type === 'reasoning-delta' ? part : undefined;
