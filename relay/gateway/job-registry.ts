import { createHash } from 'node:crypto';
import { joinSignals, type AbortOptions, type JoinedSignals } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import { randomId } from '#lib/base/ids.ts';
import type { Random } from '#lib/base/random.ts';
import { createNotifier } from '#lib/base/notifier.ts';
import { tap } from '#lib/base/tap.ts';
import type { Consumer, JobEvent, WorkerView } from '#lib/peer/spec.ts';
import { wireError } from '#lib/protocol/errors.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { partTokens } from '#lib/protocol/output.ts';
import type { Usage } from '#lib/protocol/part.ts';
import type { ConnectionPlace } from '../http/connection-limits.ts';
import { askInTurn, type Attempts } from './attempts.ts';
import { isOwner, type Caller } from './caller.ts';
import { gatewayError } from './errors.ts';
import { gatewayLimits } from './limits.ts';
import type { AnswerStore, Metering } from './metering.ts';
import { createPlaces } from './places.ts';
import { createResponseRecorder, type ResponseRecorder } from './response-recorder.ts';
import type { Allowance, Spending } from './spending.ts';

/** All jobs that this gateway runs, within its limit, and counts of their outcomes. */
export interface JobRegistry {
  readonly counts: JobCounts;
  /**
   * Runs a job, or follows the one that is running or ran under the same key and body. Leaving the loop or aborting stops
   * the job unless another caller follows it.
   * @throws `draining`, `gateway-busy`, `idempotency-key-reused`, `idempotency-key-in-use` at another gateway, before
   * anything is asked.
   */
  run(attempts: Attempts, key: IdempotencyKey | undefined, options: JobRunOptions): Promise<JobRun>;
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
  /** The wallet that pays where there is no key: a lower-case address. */
  readonly payer?: string | undefined;
  /** The permit that pays instead. */
  readonly permit?: string | undefined;
  /** In micro-credits, where it is fixed whatever is used. */
  readonly price?: bigint | undefined;
  /** Begins what pays for it, in place of what this gateway would spend; its codes are the job's. */
  readonly allow?: ((ids: readonly string[]) => Promise<Allowance>) | undefined;
  /** Whether somebody pays for it. */
  readonly isBought?: boolean | undefined;
  /** The most that the job may use, as far as the request tells. */
  readonly most: Usage;
  /** Called when the job of this very request has ended, with what was delivered. `written` resolves when the ledger has it. */
  readonly onEnd?: ((used: Usage | undefined, written: Promise<void>) => void) | undefined;
}

export interface JobRun {
  /** Of the job of each attempt. */
  readonly ids: readonly string[];
  readonly events: AsyncIterable<JobEvent>;
  /** Undefined for an answer that is replayed. */
  readonly times?: JobTimes | undefined;
}

/** By the elapsed clock, in milliseconds; undefined while it has not happened. */
export interface JobTimes {
  /** When a worker was first asked. */
  readonly askedMs: number | undefined;
  /** When the network was last heard. */
  readonly heardMs: number | undefined;
}

/** How a job went, for statistics. */
export interface JobMeasurement {
  readonly kind: string;
  /** The worker's name for the model. */
  readonly model: string | undefined;
  /** `finished`, `cancelled`, or the code of the failure. */
  readonly outcome: string;
  readonly tokensIn: number;
  readonly tokensOut: number;
  readonly ttftMs: number | undefined;
  readonly decodeMs: number;
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
  ids: readonly string[];
  /** That this gateway works on it, or the reading of the answer that is stored. */
  claim?: Promise<void> | undefined;
  /** The end of giving it back. */
  released?: Promise<void> | undefined;
  recorder?: ResponseRecorder | undefined;
}

export interface JobRegistryComponents {
  readonly consumer: Consumer;
  readonly metering: Metering;
  readonly answers: AnswerStore;
  readonly clock: Clock;
  readonly random: Random;
  /** Concurrent answers for one address; a /24 or /48 may have four times as many. The machine itself is not limited. */
  readonly jobsPerAddressMax?: number | undefined;
  readonly jobsPerKeyMax?: number | undefined;
  readonly owner?: OwnerPart | undefined;
  /** A peer of this process, which every job is offered to first: it alone is reached in memory. */
  readonly nearest?: (() => PeerId | undefined) | undefined;
  /** Holds the ids of jobs that somebody pays for while they run. */
  readonly bought?: Set<string> | undefined;
  /** Pays providers; without it only free ones are asked. */
  readonly spending?: Spending | undefined;
  /** Called once for each job that is over. */
  readonly onOver?: ((job: JobMeasurement) => void) | undefined;
}

/** What the relay's owner has of its own models before others. */
export interface OwnerPart {
  /** Holds the ids of his jobs while they run. */
  readonly jobs: Set<string>;
  /** The peer that keeps slots for him, which his jobs are offered to first. */
  peer(): PeerId | undefined;
}

export function createJobRegistry(components: JobRegistryComponents): JobRegistry {
  const { consumer, metering, answers, clock, random, onOver, owner, bought, spending } = components;
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

  const counted = (
    attempts: Attempts,
    ids: readonly string[],
    place: ConnectionPlace,
    { caller, payer, permit, price, allow, isBought, most, onEnd, signal }: JobRunOptions,
    times: { askedMs: number | undefined; heardMs: number | undefined },
  ): AsyncGenerator<JobEvent> => {
    const { kind } = attempts[0].ask;
    const job = ids[0]!;
    let startedMs = 0;
    let firstMs: number | undefined;
    let lastMs = 0;
    let code: string | undefined;
    let outcome: 'finished' | 'failed' | 'cancelled' = 'cancelled';
    let used: Usage | undefined;
    let delivered = 0;
    let isHeld = false;
    let allowance: Allowance | undefined;
    let worker: WorkerView | undefined;
    let stopped: JoinedSignals | undefined;

    const begin = async () => {
      startedMs = lastMs = clock.elapsed();
      counts.running += 1;
      if (isOwner(caller)) for (const id of ids) owner?.jobs.add(id);
      if (isBought) for (const id of ids) bought?.add(id);
      await metering.hold({
        job,
        ids,
        key: caller.type === 'key' ? caller.key : undefined,
        payer,
        permit,
        most,
        price,
        isLevied: attempts[0].ask.tier === 'verified',
      });
      isHeld = true;
      // Not before: providers are paid out of what is held.
      allowance = allow ? await allow(ids) : spending?.allow({ ids, caller, payer, most });
      stopped = joinSignals(signal ? [signal, closing.signal] : [closing.signal]);
      return askInTurn(attempts, ids, consumer, { signal: stopped.signal, allowance });
    };
    const onValue = (event: JobEvent) => {
      times.heardMs = clock.elapsed();
      if (event.type === 'worker-chosen') {
        worker = event.worker;
        times.askedMs ??= times.heardMs;
      } else if (event.type === 'job-finished') {
        outcome = 'finished';
        used = event.usage;
        counts.tokensOut += event.usage.tokensOut;
      } else if (event.type === 'part-received') {
        delivered += partTokens(event.part);
        lastMs = times.heardMs;
        firstMs ??= lastMs;
      } else if (event.type === 'job-failed') [outcome, code] = ['failed', event.error.code];
      else if (event.type === 'job-cancelled' && closing.signal.aborted) throw closing.signal.reason;
    };
    const onOverOnce = () => {
      stopped?.release();
      // When the client leaves, what it has received counts; how long its prompt was, only a receipt would say.
      if (outcome === 'cancelled' && delivered > 0) used = { tokensIn: most.tokensIn, tokensOut: delivered };
      let written = Promise.resolve();
      if (isHeld) {
        const ms = clock.elapsed() - startedMs;
        const run = { model: worker?.model ?? attempts[0].model, kind, peer: worker?.peer, outcome, ms };
        written = metering.close({ job, used, run });
      }
      allowance?.end();
      onEnd?.(used, written);
      for (const id of ids) owner?.jobs.delete(id);
      for (const id of ids) bought?.delete(id);
      place.release();
      counts.running -= 1;
      counts[outcome] += 1;
      onOver?.({
        kind,
        model: worker?.model,
        outcome: code ?? outcome,
        tokensIn: used?.tokensIn ?? 0,
        tokensOut: used?.tokensOut ?? 0,
        ttftMs: firstMs === undefined ? undefined : firstMs - startedMs,
        decodeMs: firstMs === undefined ? 0 : lastMs - firstMs,
      });
      if (counts.running === 0) becameIdle.notify();
    };
    return tap(begin, {
      onValue,
      onError: (error) => {
        [outcome, code] = ['failed', errorCode(error)];
      },
      onEnd: onOverOnce,
    });
  };

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
    for (const entry of entries.values()) bytes += entry.recorder?.sizeBytes() ?? 0;
    for (const [name, entry] of entries) {
      const surplus = entries.size > gatewayLimits.recordsMax || bytes > gatewayLimits.recordBytesMax;
      if (!surplus && entry.expiresAt > now) continue;
      if (entry.recorder && !entry.recorder.ended()) continue;
      bytes -= entry.recorder?.sizeBytes() ?? 0;
      entries.delete(name);
    }
  };

  const claim = async (name: string, entry: Entry) => {
    const { bodyHash, expiresAt } = entry;
    await entry.released;
    const claimed = await answers.claim({ name, bodyHash, expiresAt });
    if (claimed.type === 'other-body') throw keyReused();
    if (claimed.type === 'running') {
      throw gatewayError(
        'idempotency-key-in-use',
        'Another request with this Idempotency-Key is running. Wait for it.',
      );
    }
    if (claimed.type === 'claimed') return;
    const { ids, events } = claimed.answer;
    entry.ids = ids;
    entry.recorder = createResponseRecorder(async function* () {
      yield* events as readonly JobEvent[];
    });
  };

  const runKeyed = async (
    attempts: Attempts,
    { scope, key, body }: IdempotencyKey,
    options: JobRunOptions,
  ): Promise<JobRun> => {
    const name = hash(scope, key);
    const bodyHash = hash(body);
    evictRecords();
    const expiresAt = clock.now() + gatewayLimits.recordTtlMs;
    const entry: Entry = entries.get(name) ?? { bodyHash, expiresAt, attempt: 0, ids: [] };
    if (entry.bodyHash !== bodyHash) throw keyReused();
    entries.set(name, entry);
    for (let claimed: Promise<void> | undefined; claimed === undefined || claimed !== entry.claim;) {
      claimed = entry.claim ??= claim(name, entry);
      try {
        await claimed;
      } catch (error) {
        entries.delete(name);
        throw error;
      }
    }
    // Of several that waited, the first one starts it and the others follow.
    if (!entry.recorder || entry.recorder.abandoned()) {
      let place: ConnectionPlace;
      try {
        place = admit(options);
      } catch (error) {
        giveBack(name, entry);
        throw error;
      }
      if (entry.recorder) entry.attempt += 1;
      const { attempt } = entry;
      const ids = attempts.map((_, turn) => hash(processSalt, name, `${attempt}.${turn}`).slice(0, 32));
      entry.ids = ids;
      const recorder = createResponseRecorder((signal) =>
        counted(attempts, ids, place, { ...options, signal }, unheard()),
      );
      entry.recorder = recorder;
      void keepAnswer(name, entry, recorder);
    }
    entries.set(name, entry);
    return { ids: entry.ids, events: entry.recorder.follow(options.signal) };
  };

  /** The next run under the key claims it again. */
  const giveBack = (name: string, entry: Entry) => {
    entry.claim = undefined;
    entry.released = answers.release(name).catch(() => undefined);
  };

  /** Only a finished answer is kept. */
  const keepAnswer = async (name: string, entry: Entry, recorder: ResponseRecorder) => {
    const last = await recorder.lastEvent;
    if (entry.recorder !== recorder) return;
    if (last?.type === 'job-finished') {
      const events = recorder.events.map(withoutPrompt);
      // What cannot be stored is remembered by this process all the same.
      await answers.save(name, { ids: entry.ids, events }).catch(() => undefined);
      return;
    }
    entry.recorder = undefined;
    entry.attempt += 1;
    giveBack(name, entry);
  };

  return {
    counts,
    async run(asked, key, options) {
      const kept = isOwner(options.caller) ? owner?.peer() : undefined;
      const attempts = askedFirst(asked, kept ?? components.nearest?.());
      if (key) return runKeyed(attempts, key, options);
      const place = admit(options);
      const ids = attempts.map(() => randomId(random));
      const times = unheard();
      return { ids, events: counted(attempts, ids, place, options, times), times };
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

/** Unless the request has an order of its own. */
function askedFirst(attempts: Attempts, peer: PeerId | undefined): Attempts {
  if (peer === undefined) return attempts;
  const [first, ...rest] = attempts.map((one) => ({ ...one, ask: { ...one.ask, order: one.ask.order ?? [peer] } }));
  return [first!, ...rest];
}

const keyReused = () =>
  gatewayError('idempotency-key-reused', 'This Idempotency-Key was used with another body. Use a new key.');

const unheard = (): { askedMs: number | undefined; heardMs: number | undefined } => ({
  askedMs: undefined,
  heardMs: undefined,
});

/** A prompt is stored nowhere. A replay needs of its job no more than the id. */
const withoutPrompt = (event: JobEvent): JobEvent =>
  event.type === 'worker-chosen' ? { ...event, job: { ...event.job, input: {} } as typeof event.job } : event;

/** SHA-256 over length-prefixed parts, so that different lists cannot collide. */
function hash(...parts: readonly string[]): string {
  const digest = createHash('sha256');
  for (const part of parts) digest.update(`${Buffer.byteLength(part)}:`).update(part);
  return digest.digest('hex');
}
