import { abortError, released } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import { withTimeout } from '#lib/base/timeout.ts';
import type { EngineEvent, EngineRequest, EngineTimings, LoadedModel } from '#lib/engine/spec.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { checkedPart } from '#lib/protocol/frame.ts';
import type { Job } from '#lib/protocol/job.ts';
import { partTokens } from '#lib/protocol/output.ts';
import type { FinishReason, Part } from '#lib/protocol/part.ts';
import type { RunResult } from './worker-spec.ts';

export interface RunComponents {
  readonly clock: Clock;
  readonly blobs: ReadonlyMap<string, Uint8Array>;
  /** Called with each part as soon as it exists. If it returns a promise, the engine is not pulled until that resolves. */
  readonly deliver: (part: Part) => Promise<void> | undefined;
  /** Aborting with `cancelled` or `peer-lost` ends the run as cancelled, with `unpaid` or `budget` as that; any other coded reason is thrown. */
  readonly signal: AbortSignal;
}

/** How long an engine may take to end a stopped run before its slot is freed regardless. */
export const engineStopTimeoutMs = 5_000;

/**
 * Runs one job on the engine. Returns when the engine has ended the run, so that its slot is free.
 * @throws `too-long`, `busy`, `bad-request`, `feature-unavailable`, `resume-unsupported`, `deadline`, `draining`,
 * `engine-failed`.
 */
export async function runEngine(
  job: Job,
  model: LoadedModel,
  { clock, blobs, deliver, signal }: RunComponents,
): Promise<RunResult> {
  const startedMs = clock.elapsed();
  let firstMs: number | undefined;
  let lastMs = startedMs;
  let tokensOut = 0;
  const result = (reason: FinishReason, tokensIn: number, timings?: EngineTimings): RunResult => ({
    reason,
    usage: { tokensIn, tokensOut },
    timings: timings ?? {
      ttftMs: (firstMs ?? clock.elapsed()) - startedMs,
      decodeMs: firstMs === undefined ? 0 : lastMs - firstMs,
    },
  });

  // Its own signal, so that whatever ends the loop also reaches an engine in the middle of an await.
  const leaving = new AbortController();
  const leave = () => leaving.abort(abortError(signal));
  signal.addEventListener('abort', leave, { once: true });
  const stream = model.doStream(engineRequest(job, model, blobs), { signal: leaving.signal });
  const events = stream[Symbol.asyncIterator]();
  const take = (event: Exclude<EngineEvent, { type: 'finish' }>): Promise<void> | undefined => {
    const part = checked(event);
    if (part.type !== 'warning') {
      lastMs = clock.elapsed();
      firstMs ??= lastMs;
      tokensOut += partTokens(part);
    }
    return deliver(part);
  };
  try {
    const { reason, usage, timings } = await untilFinish(events, take, signal);
    return result(reason, usage.tokensIn, timings);
  } catch (error) {
    if (!signal.aborted) throw engineError(error);
    const reason = abortError(signal);
    const ending = endings.get(reason.code);
    if (ending) return result(ending, 0);
    throw reason;
  } finally {
    signal.removeEventListener('abort', leave);
    leaving.abort(released);
    await endStream(events, clock);
  }
}

/**
 * Takes what the engine makes until its last event. By hand, since a race between each event and the signal makes three promises
 * more of it. Rejects with what fails, and at the abort, whatever the engine is doing.
 */
function untilFinish(
  events: AsyncIterator<EngineEvent>,
  take: (event: Exclude<EngineEvent, { type: 'finish' }>) => Promise<void> | undefined,
  signal: AbortSignal,
): Promise<Extract<EngineEvent, { type: 'finish' }>> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    const end = () => {
      isOver = true;
      signal.removeEventListener('abort', onAbort);
    };
    const fail = (error: unknown) => {
      end();
      reject(error);
    };
    const onAbort = () => fail(abortError(signal));
    const onNext = (next: IteratorResult<EngineEvent>) => {
      if (isOver) return;
      try {
        if (next.done) throw wireError('engine-failed', 'The engine ended without a result. Try again.');
        if (next.value.type === 'finish') {
          end();
          return resolve(next.value);
        }
        const room = take(next.value);
        if (room) room.then(pull).catch(fail);
        else pull();
      } catch (error) {
        fail(error);
      }
    };
    const pull = () => {
      if (!isOver) events.next().then(onNext, fail);
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    pull();
  });
}

/** Reasons to stop a run that are an end of its answer and no failure. */
const endings: ReadonlyMap<string, FinishReason> = new Map([
  ['cancelled', 'cancelled'],
  ['peer-lost', 'cancelled'],
  ['unpaid', 'unpaid'],
  ['budget', 'budget'],
]);

const engineRequest = (
  { id, kind, input, params, resume }: Job,
  { hub }: LoadedModel,
  blobs: ReadonlyMap<string, Uint8Array>,
): EngineRequest =>
  ({
    kind,
    input,
    params,
    resume,
    ...(hub ? { job: id } : {}),
    ...(blobs.size > 0 ? { blobs } : {}),
  }) as EngineRequest;

/** Engines are trusted, but a part that violates the protocol would make the asker drop the whole job. */
function checked(event: Exclude<EngineEvent, { type: 'finish' }>): Part {
  const part = checkedPart(event);
  if (part) return part;
  throw wireError('engine-failed', 'The engine made a part that the protocol has no room for.');
}

const passedOnCodes = ['too-long', 'busy', 'bad-request', 'feature-unavailable', 'resume-unsupported'] as const;

/**
 * An engine's own messages stay on this device; only the codes that the asker can act on are passed on. What is wrong with a
 * request only the engine's message says, and it speaks of nothing else.
 */
function engineError(error: unknown): TabloomError {
  const code = errorCode(error);
  const known = passedOnCodes.find((one) => one === code);
  if (known === undefined)
    return wireError('engine-failed', undefined, { cause: error, details: { engineCode: code } });
  const retryAfterMs = error instanceof TabloomError ? error.details['retryAfterMs'] : undefined;
  const message = known === 'bad-request' && error instanceof TabloomError ? error.message : undefined;
  return wireError(known, message, { cause: error, details: retryAfterMs === undefined ? {} : { retryAfterMs } });
}

async function endStream(events: AsyncIterator<EngineEvent>, clock: Clock): Promise<void> {
  const returned = events.return?.();
  if (!returned) return;
  await withTimeout(Promise.resolve(returned), clock, engineStopTimeoutMs).catch(() => undefined);
}
