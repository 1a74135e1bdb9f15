import { abortError, throwIfAborted } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { createQueue } from '#lib/base/queue.ts';
import type { EngineEvent, EngineRequest } from '../spec.ts';
import { streamCredits } from './message.ts';
import type { Session } from './session.ts';

/**
 * One answer read from a worker. The worker sends at most `streamCredits` events ahead, so the queue here is bounded by
 * construction. Aborting or leaving the loop waits until the worker has let go; one that does not within
 * `cancelGraceMs` is ended. No timer is on the path of a token.
 */
export async function* streamFrom(
  session: Session,
  request: EngineRequest,
  options: { readonly signal: AbortSignal | undefined; readonly clock: Clock; readonly cancelGraceMs: number },
): AsyncGenerator<EngineEvent> {
  const { signal, clock, cancelGraceMs } = options;
  throwIfAborted(signal);
  const queue = createQueue<EngineEvent>(streamCredits + 1);
  const closed = new AbortController();
  let cancelled = false;

  const id = session.open({
    reply(reply) {
      if (reply.type === 'done') {
        closed.abort();
        queue.end();
      } else if (reply.type === 'event' && !queue.closed) {
        if (queue.size >= streamCredits)
          return session.end(new TabloomError('engine-failed', 'The engine worker sent more than it was asked for.'));
        queue.push(reply.event);
      }
    },
    failed(error) {
      closed.abort();
      queue.fail(signal?.aborted ? abortError(signal) : error);
    },
  });
  const cancel = () => {
    if (cancelled || closed.signal.aborted) return;
    cancelled = true;
    session.send({ type: 'cancel', id });
    clock.delay(cancelGraceMs, { signal: closed.signal }).then(
      () =>
        session.end(
          new TabloomError('device-lost', 'The engine did not stop when asked and was ended. Load the model again.'),
        ),
      () => undefined,
    );
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
