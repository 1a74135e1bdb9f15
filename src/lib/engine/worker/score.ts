import { abortError, throwIfAborted } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { ScoreRequest, TokenScore } from '../spec.ts';
import type { WorkerRpc } from './rpc.ts';

/**
 * Scores one answer in a worker. Aborting waits until the worker has stopped; one that does not within the grace period is
 * terminated.
 */
export async function scoreFrom(
  session: WorkerRpc,
  request: ScoreRequest,
  {
    signal,
    clock,
    graceMs,
  }: { readonly signal: AbortSignal | undefined; readonly clock: Clock; readonly graceMs: number },
): Promise<readonly TokenScore[]> {
  throwIfAborted(signal);
  const { promise, resolve, reject } = Promise.withResolvers<readonly TokenScore[]>();
  const settled = new AbortController();
  const id = session.open({
    reply: (reply) => {
      if (reply.type === 'scored') resolve(reply.scores);
    },
    failed: reject,
  });
  const cancel = () => {
    session.send({ type: 'cancel', id });
    const stuck = new TabloomError('device-lost', 'The engine did not stop when asked. Load the model again.');
    clock.delay(graceMs, { signal: settled.signal }).then(
      () => session.lose(stuck),
      () => undefined,
    );
  };
  signal?.addEventListener('abort', cancel, { once: true });
  session.send({ type: 'score', id, request });
  try {
    const scores = await promise;
    throwIfAborted(signal);
    return scores;
  } catch (error) {
    throw signal?.aborted ? abortError(signal) : error;
  } finally {
    signal?.removeEventListener('abort', cancel);
    settled.abort();
    session.release(id);
  }
}
