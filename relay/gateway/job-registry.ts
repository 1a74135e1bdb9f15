import { createHash } from 'node:crypto';
import { anySignal, type AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { randomId } from '#lib/base/ids.ts';
import type { Random } from '#lib/base/random.ts';
import { createNotifier } from '#lib/base/notifier.ts';
import type { Consumer, JobEvent } from '#lib/peer/spec.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { partTokens } from '#lib/protocol/output.ts';
import type { Usage } from '#lib/protocol/part.ts';
import type { ConnectionPlace } from '../http/connection-limits.ts';
import { askInTurn, type Attempts } from './attempts.ts';
import type { Caller } from './caller.ts';
import { gatewayError } from './errors.ts';
import { gatewayLimits } from './limits.ts';
import type { Metering } from './metering.ts';
import { createPlaces } from './places.ts';
import { createResponseRecorder, type ResponseRecorder } from './response-recorder.ts';

/** All jobs that this gateway runs, within its limit, and counts of their outcomes. */
export interface JobRegistry {
  readonly counts: JobCounts;
  /**
   * Runs a job, or follows the one that is running or ran under the same key and body. Leaving the loop or aborting stops
   * the job unless another caller follows it.
   * @throws `draining`, `gateway-busy`, `idempotency-key-reused`, before anything is asked.
   */
  run(attempts: Attempts, key: IdempotencyKey | undefined, options: JobRunOptions): JobRun;
  /** Refuses new jobs. */
  drain(): void;
  /** Stops running jobs; each answer ends with `reason`. */
  abort(reason: Error): void;
  /** Resolves when no job is running. @throws the signal's coded error. */
  idle(options: AbortOptions): Promise<void>;
}

export interface JobRunOptions extends AbortOptions {
  readonly caller: Caller;
  /** The caller's name for the one it asks for, if any: places are shared evenly among those of one key. */
  readonly endUser?: string | undefined;
  /** The most that the job may use, as far as the request tells. */
  readonly most: Usage;
  /** Called when the job of this very request has ended, with what was delivered. */
  readonly onEnd?: ((used: Usage | undefined) => void) | undefined;
}

export interface JobRun {
  /** Of the job of each attempt. */
  readonly ids: readonly string[];
  readonly events: AsyncIterable<JobEvent>;
}

export interface IdempotencyKey {
  /** Identifies the caller: two callers may use the same key. */
  readonly scope: string;
  readonly key: string;
  /** The body, byte for byte. */
  readonly body: string;
}

export interface JobCounts {
  readonly running: number;
  readonly finished: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly tokensOut: number;
}

interface Entry {
  readonly bodyHash: string;
  readonly expiresAt: number;
  /** Only an answer is kept: after a failed or stopped run, the next one under this key is a new job with a new id. */
  attempt: number;
  recorder?: ResponseRecorder | undefined;
}

export interface JobRegistryComponents {
  readonly consumer: Consumer;
  readonly metering: Metering;
  readonly clock: Clock;
  readonly random: Random;
  /** Concurrent answers for one address; a /24 or /48 may have four times as many. The machine itself is not limited. */
  readonly jobsPerAddressMax?: number | undefined;
  readonly jobsPerKeyMax?: number | undefined;
}

export function createJobRegistry(components: JobRegistryComponents): JobRegistry {
  const { consumer, metering, clock, random } = components;
  const places = createPlaces({
    clock,
    placesMax: gatewayLimits.jobsMax,
    perAddressMax: components.jobsPerAddressMax ?? gatewayLimits.jobsPerAddressMaxDefault,
    perKeyMax: components.jobsPerKeyMax ?? gatewayLimits.jobsPerKeyMaxDefault,
  });
  /**
   * Part of every id, since the attempt count and a job's salt are lost with this process: a worker that remembers an id
   * would refuse it with another salt.
   */
  const processSalt = randomId(random);
  const entries = new Map<string, Entry>();
  const counts = { running: 0, finished: 0, failed: 0, cancelled: 0, tokensOut: 0 };
  const closing = new AbortController();
  const becameIdle = createNotifier();
  let draining = false;

  async function* counted(
    attempts: Attempts,
    ids: readonly string[],
    place: ConnectionPlace,
    { caller, most, onEnd, signal }: JobRunOptions,
  ): AsyncGenerator<JobEvent> {
    let outcome: 'finished' | 'failed' | 'cancelled' = 'cancelled';
    let used: Usage | undefined;
    let delivered = 0;
    let isHeld = false;
    const job = ids[0]!;
    counts.running += 1;
    try {
      await metering.hold({ job, ids, key: caller.type === 'key' ? caller.key : undefined, most });
      isHeld = true;
      for await (const event of askInTurn(attempts, ids, consumer, anySignal([signal, closing.signal]))) {
        if (event.type === 'job-finished') {
          outcome = 'finished';
          used = event.usage;
          counts.tokensOut += event.usage.tokensOut;
        } else if (event.type === 'part-received') {
          delivered += partTokens(event.part);
        } else if (event.type === 'job-failed') outcome = 'failed';
        else if (event.type === 'job-cancelled' && closing.signal.aborted) throw closing.signal.reason;
        yield event;
      }
    } catch (error) {
      outcome = 'failed';
      throw error;
    } finally {
      // When the client leaves, what it has received counts; how long its prompt was, only a receipt would say.
      if (outcome === 'cancelled' && delivered > 0) used = { tokensIn: most.tokensIn, tokensOut: delivered };
      if (isHeld) metering.close({ job, used });
      onEnd?.(used);
      place.release();
      counts.running -= 1;
      counts[outcome] += 1;
      if (counts.running === 0) becameIdle.notify();
    }
  }

  const admit = ({ caller, endUser }: JobRunOptions): ConnectionPlace => {
    if (draining) throw wireError('draining', 'This relay is shutting down and accepts no new work. Ask another one.');
    const place = places.admit(caller, endUser);
    if (typeof place === 'object') return place;
    throw gatewayError(
      'gateway-busy',
      place === 'full'
        ? 'This relay is running as many answers as it can. Try again in a few seconds.'
        : caller.type === 'key'
          ? 'This key, or its end user, has as many answers running as it may. Try again in a few seconds.'
          : 'Your address has as many answers running as it may. Try again in a few seconds.',
    );
  };

  const evictRecords = () => {
    const now = clock.now();
    let bytes = 0;
    for (const entry of entries.values()) bytes += entry.recorder?.sizeBytes ?? 0;
    for (const [name, entry] of entries) {
      const surplus = entries.size > gatewayLimits.recordsMax || bytes > gatewayLimits.recordBytesMax;
      if (!surplus && entry.expiresAt > now) continue;
      if (entry.recorder && !entry.recorder.ended) continue;
      bytes -= entry.recorder?.sizeBytes ?? 0;
      entries.delete(name);
    }
  };

  const runKeyed = (attempts: Attempts, { scope, key, body }: IdempotencyKey, options: JobRunOptions) => {
    const name = hash(scope, key);
    const bodyHash = hash(body);
    evictRecords();
    const entry = entries.get(name) ?? {
      bodyHash,
      expiresAt: clock.now() + gatewayLimits.recordTtlMs,
      attempt: 0,
    };
    if (entry.bodyHash !== bodyHash) {
      throw gatewayError('idempotency-key-reused', 'This Idempotency-Key was used with another body. Use a new key.');
    }
    const ids = () => attempts.map((_, turn) => hash(processSalt, name, `${entry.attempt}.${turn}`).slice(0, 32));
    if (!entry.recorder || entry.recorder.abandoned) {
      const place = admit(options);
      if (entry.recorder) entry.attempt += 1;
      const recorder = createResponseRecorder((signal) => counted(attempts, ids(), place, { ...options, signal }));
      entry.recorder = recorder;
      void discardUnlessFinished(entry, recorder);
    }
    entries.set(name, entry);
    return { ids: ids(), events: entry.recorder.follow(options.signal) };
  };

  return {
    counts,
    run(attempts, key, options) {
      if (key) return runKeyed(attempts, key, options);
      const place = admit(options);
      const ids = attempts.map(() => randomId(random));
      return { ids, events: counted(attempts, ids, place, options) };
    },
    drain: () => {
      draining = true;
    },
    abort: (reason) => closing.abort(reason),
    async idle({ signal }) {
      while (counts.running > 0) await becameIdle.wait({ signal });
    },
  };
}

/** Only a finished answer is replayed. */
async function discardUnlessFinished(entry: Entry, recorder: ResponseRecorder): Promise<void> {
  const last = await recorder.lastEvent;
  if (last?.type === 'job-finished' || entry.recorder !== recorder) return;
  entry.recorder = undefined;
  entry.attempt += 1;
}

/** SHA-256 over length-prefixed parts, so that different lists cannot collide. */
function hash(...parts: readonly string[]): string {
  const digest = createHash('sha256');
  for (const part of parts) digest.update(`${Buffer.byteLength(part)}:`).update(part);
  return digest.digest('hex');
}
