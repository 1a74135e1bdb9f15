import { abortError, anySignal, throwIfAborted } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { createQueue } from '#lib/base/queue.ts';
import type { EngineEvent, EngineRequest } from '../spec.ts';
import { streamCredits } from './message.ts';
import type { WorkerRpc } from './rpc.ts';

/**
 * Reads one answer from a worker. The worker sends at most `streamCredits` events ahead, which bounds the queue here.
 * Aborting or leaving the loop waits until the worker has stopped; a worker that does not stop within its grace period,
 * which is longer before the answer's first event, is terminated. Tokens never wait for a timer.
 */
export async function* streamFrom(
  session: WorkerRpc,
  request: EngineRequest,
  options: {
    readonly signal: AbortSignal | undefined;
    readonly clock: Clock;
    readonly cancelGraceMs: number;
    readonly prefillGraceMs: number;
  },
): AsyncGenerator<EngineEvent> {
  const { signal, clock, cancelGraceMs, prefillGraceMs } = options;
  throwIfAborted(signal);
  const queue = createQueue<EngineEvent>(streamCredits + 1);
  const closed = new AbortController();
  let begun = false;
  let grace: AbortController | undefined;

  const id = session.open({
    reply(reply) {
      if (reply.type === 'done') {
        closed.abort();
        queue.end();
      } else if (reply.type === 'event') {
        // Warnings may precede prefill.
        if (!begun && reply.event.type !== 'warning') {
          begun = true;
          if (grace) endAfter(cancelGraceMs);
        }
        if (queue.closed) return;
        if (queue.size >= streamCredits)
          return session.lose(new TabloomError('engine-failed', 'The engine worker exceeded its credits.'));
        queue.push(reply.event);
      }
    },
    failed(error) {
      closed.abort();
      queue.fail(signal?.aborted ? abortError(signal) : error);
    },
  });
  const endAfter = (graceMs: number) => {
    grace?.abort();
    grace = new AbortController();
    clock.delay(graceMs, { signal: anySignal([closed.signal, grace.signal]) }).then(
      () =>
        session.lose(
          new TabloomError(
            'device-lost',
            'The engine did not stop when asked and was terminated. Load the model again.',
          ),
        ),
      () => undefined,
    );
  };
  const cancel = () => {
    if (grace || closed.signal.aborted) return;
    session.send({ type: 'cancel', id });
    endAfter(begun ? cancelGraceMs : prefillGraceMs);
  };
  signal?.addEventListener('abort', cancel, { once: true });
  session.send({ type: 'stream', id, request, credits: streamCredits });

  let read = 0;
  try {
    for await (const event of queue) {
      throwIfAborted(signal);
      yield event;
      read += 1;
      if (read === streamCredits / 2) {
        session.send({ type: 'more', id, credits: read });
        read = 0;
      }
    }
  } finally {
    signal?.removeEventListener('abort', cancel);
    cancel();
    if (!closed.signal.aborted) {
      await new Promise<void>((resolve) => closed.signal.addEventListener('abort', () => resolve(), { once: true }));
    }
    session.release(id);
  }
}
