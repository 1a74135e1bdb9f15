import { z } from 'zod';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { withTimeout } from '#lib/base/timeout.ts';
import { utf8Encode } from '#lib/base/bytes.ts';
import { createBreakers } from '#lib/market/breaker.ts';
import { countsFit, outcomeOf, type AttemptEnding, type Outcome } from '#lib/market/outcome.ts';
import {
  brokenPromises,
  hasStanding,
  levelOf,
  noStanding,
  withBroken,
  withCanary,
  withFinished,
  withFork,
  type Standing,
} from '#lib/market/standing.ts';
import type { ArtefactId, PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { KeyValue, Write } from '#lib/storage/spec.ts';
import { allHold } from '#lib/trust/check.ts';
import type { AttemptSeen } from './session/asker-components.ts';
import type { AttemptEnd } from './session/attempt-end.ts';
import { seenOf, type Attempt } from './session/attempt.ts';
import type { JobState } from './session/job-state.ts';
import type { WorkerView } from './spec.ts';

/** What this asker has seen of the workers it tried, of each model for itself; bounded, and kept across restarts. */
export interface TrackRecord {
  standing(peer: PeerId, artefact: ArtefactId): Standing | undefined;
  /** Others are asked first. */
  isParked(peer: PeerId, artefact: ArtefactId): boolean;
  /** Peers that finished jobs of the model, the latest last. */
  known(artefact: ArtefactId): readonly PeerId[];
  /** Jobs that went there and have not been recorded yet; with `since`, those that went at or after it (ms since the epoch). */
  underWay(peer: PeerId, artefact: ArtefactId, since?: number): number;
  /** @param offer `free` where it spoke of a slot at once. */
  chosen(peer: PeerId, artefact: ArtefactId, offer: 'free' | 'full'): void;
  /** Whether the worker has promised a slot for what is under way there, which is then this one job. */
  offeredFree(peer: PeerId, artefact: ArtefactId): boolean;
  /** Whether a job that was sent there at this time (ms since the epoch) was there when the worker was last lost, a moment ago. */
  isSameOutage(peer: PeerId, chosenAt: number): boolean;
  /** How the job that it was chosen for ended; see `outcomeOf`. */
  record(peer: PeerId, artefact: ArtefactId, outcome: Outcome): void;
  recordCanary(peer: PeerId, artefact: ArtefactId, verdict: 'passed' | 'failed'): void;
  /** It has signed two histories: all its models are out. */
  recordFork(peer: PeerId, artefact: ArtefactId): void;
  /** Stores what is still to be stored; waits for it, but not for ever. */
  settled(): Promise<void>;
}

export interface TrackRecordComponents {
  readonly clock: Clock;
  /** Kept in memory alone where it is left out. */
  readonly storage?: KeyValue | undefined;
  readonly logger?: Logger | undefined;
  /** The highest rate that the size of a model allows any device, in tokens a second. */
  readonly decodeTpsMax?: ((artefact: ArtefactId) => number) | undefined;
}

export const trackRecordLimits = {
  standingsMax: 2_048,
  /** Changes are gathered for so long before they are stored. */
  flushMs: 2_000,
  settleTimeoutMs: 5_000,
  /** All jobs at a worker that has gone are noticed within so much of the first. */
  outageMs: 60_000,
} as const;
const knownMax = { artefacts: 256, peers: 32 } as const;

/** Reads what was stored; a storage that cannot be read is as good as an empty one. */
export async function openTrackRecord(
  components: TrackRecordComponents & { readonly storage: KeyValue; readonly logger: Logger },
): Promise<TrackRecord> {
  const { storage, logger } = components;
  try {
    const entries = await storage.list('measurements', { prefix: keyPrefix, limit: trackRecordLimits.standingsMax });
    const stored = entries.flatMap(({ key, value }) => {
      const standing = standingSchema.safeParse(value).data;
      return standing ? [[key.slice(keyPrefix.length), standing] as const] : [];
    });
    return createTrackRecord(
      components,
      stored.sort(([, a], [, b]) => a.at - b.at),
    );
  } catch (error) {
    logger.warn('standings-not-read', { code: errorCode(error) });
    return createTrackRecord(components);
  }
}

export function createTrackRecord(
  components: TrackRecordComponents,
  stored: readonly (readonly [worker: string, standing: Standing])[] = [],
): TrackRecord {
  const { clock, decodeTpsMax } = components;
  const breakers = createBreakers();
  const standings = new Map<string, Standing>();
  const known = new Map<ArtefactId, Set<PeerId>>();
  const underWay = new Map<string, UnderWay>();
  const writer = createWriter(components);
  /** When each worker was lost, until it finishes a job again. */
  const lostAt = new Map<PeerId, number>();

  const remember = (peer: PeerId, artefact: ArtefactId) => {
    const peers = known.get(artefact) ?? new Set<PeerId>();
    peers.delete(peer);
    bounded(peers.add(peer), knownMax.peers);
    known.delete(artefact);
    bounded(known.set(artefact, peers), knownMax.artefacts);
  };
  const keep = (worker: string, standing: Standing) => {
    standings.delete(worker);
    standings.set(worker, standing);
    writer.put(worker, standing);
    if (standings.size > trackRecordLimits.standingsMax) evict();
  };
  /** The oldest that is worth least: what strangers do must not push out those who have standing. */
  const evict = () => {
    const now = clock.now();
    let oldest: string | undefined;
    for (const [worker, standing] of standings) {
      oldest ??= worker;
      const level = levelOf(standing, now);
      if (level === 'established' || level === 'forked') continue;
      oldest = worker;
      break;
    }
    if (oldest === undefined) return;
    standings.delete(oldest);
    writer.delete(oldest);
  };
  const change = (peer: PeerId, artefact: ArtefactId, by: (standing: Standing, now: number) => Standing) => {
    const worker = keyOf(peer, artefact);
    keep(worker, by(standings.get(worker) ?? noStanding, clock.now()));
  };

  for (const [worker, standing] of stored) {
    standings.set(worker, standing);
    const [peer, artefact] = worker.split(' ');
    if (peer && artefact && standing.finished > 0) remember(peer, artefact);
  }

  return {
    standing: (peer, artefact) => standings.get(keyOf(peer, artefact)),
    isParked: (peer, artefact) => breakers.isParked(keyOf(peer, artefact), clock.now()),
    known: (artefact) => [...(known.get(artefact) ?? [])],
    underWay(peer, artefact, since = 0) {
      // A job that was never recorded is not under way for ever.
      const from = Math.max(since, clock.now() - limits.jobDeadlineMsMax + 1);
      let count = 0;
      for (const at of underWay.get(keyOf(peer, artefact))?.chosenAt ?? []) if (at >= from) count++;
      return count;
    },
    offeredFree: (peer, artefact) => underWay.get(keyOf(peer, artefact))?.offeredFree ?? false,
    isSameOutage(peer, chosenAt) {
      const at = lostAt.get(peer);
      return at !== undefined && chosenAt <= at && clock.now() - at < trackRecordLimits.outageMs;
    },
    chosen(peer, artefact, offer) {
      const worker = keyOf(peer, artefact);
      const before = this.underWay(peer, artefact) > 0 ? (underWay.get(worker)?.chosenAt ?? []) : [];
      const chosenAt = [...before, clock.now()].slice(-underWayMax);
      underWay.delete(worker);
      bounded(
        underWay.set(worker, { chosenAt, offeredFree: offer === 'free' && chosenAt.length === 1 }),
        trackRecordLimits.standingsMax,
      );
      breakers.record(worker, 'chosen', clock.now());
    },
    record(peer, artefact, outcome) {
      const worker = keyOf(peer, artefact);
      // Which of them has ended makes no difference: the oldest is the one that offers speak of by now.
      const [, ...chosenAt] = underWay.get(worker)?.chosenAt ?? [];
      if (chosenAt.length > 0) underWay.set(worker, { chosenAt, offeredFree: false });
      else underWay.delete(worker);
      breakers.record(worker, outcome.type, clock.now());
      if (outcome.type === 'failed' && !outcome.sameOutage) {
        change(peer, artefact, (from, now) => withBroken(from, outcome.promise, now));
        if (outcome.promise === 'lost') bounded(lostAt.set(peer, clock.now()), trackRecordLimits.standingsMax);
      }
      if (outcome.type === 'finished') {
        lostAt.delete(peer);
        const rateMax = decodeTpsMax?.(artefact);
        change(peer, artefact, (from, now) => withFinished(from, outcome.seen, now, rateMax));
        remember(peer, artefact);
      }
    },
    recordCanary: (peer, artefact, verdict) =>
      change(peer, artefact, (standing, now) => withCanary(standing, verdict, now)),
    recordFork: (peer, artefact) => change(peer, artefact, withFork),
    settled: writer.settled,
  };
}

interface UnderWay {
  /** When each of the jobs was sent there, the oldest first, in milliseconds since the epoch. */
  readonly chosenAt: readonly number[];
  readonly offeredFree: boolean;
}

/** Jobs counted at one worker; a worker with more is full whatever its offer says. */
const underWayMax = 1_024;

/** Asked a dozen times a job of few workers, and hashed anew each time unless it is the same text. */
function keyOf(peer: PeerId, artefact: ArtefactId): string {
  if (lastKey.peer !== peer || lastKey.artefact !== artefact) lastKey = { peer, artefact, key: `${peer} ${artefact}` };
  return lastKey.key;
}

let lastKey = { peer: '', artefact: '', key: ' ' };

/** The oldest goes. */
function bounded<K>(kept: { readonly size: number; keys(): Iterator<K>; delete(key: K): boolean }, max: number): void {
  const oldest = kept.keys().next();
  if (kept.size > max && !oldest.done) kept.delete(oldest.value);
}

const keyPrefix = 'standing/';

const weight = z.number().nonnegative();
const standingSchema: z.ZodType<Standing> = z.object({
  decodeTps: weight.optional(),
  ttftMs: weight.optional(),
  rttMs: weight.optional(),
  finished: weight,
  broken: z.partialRecord(z.enum(brokenPromises), weight),
  canariesPassed: weight,
  canariesFailed: weight,
  canaryFailedAt: weight.optional(),
  forked: z.boolean(),
  at: weight,
});

interface Writer {
  put(worker: string, standing: Standing): void;
  delete(worker: string): void;
  settled(): Promise<void>;
}

/** Stores changes off the way of the answers: the latest of each worker, a batch every two seconds. */
function createWriter({ storage, clock, logger }: TrackRecordComponents): Writer {
  if (!storage) return { put: () => undefined, delete: () => undefined, settled: async () => undefined };
  const { flushMs, settleTimeoutMs } = trackRecordLimits;
  const pending = new Map<string, Write>();
  let writes: Promise<void> = Promise.resolve();
  let timer: AbortController | undefined;

  const flush = (): Promise<void> => {
    timer?.abort();
    timer = undefined;
    const batch = [...pending.values()];
    pending.clear();
    if (batch.length > 0) {
      writes = writes.then(() =>
        // What cannot be stored is learnt again.
        storage.batch(batch).catch((error) => logger?.warn('standings-not-stored', { code: errorCode(error) })),
      );
    }
    return writes;
  };
  const add = (worker: string, write: Write) => {
    pending.set(worker, write);
    if (timer) return;
    timer = new AbortController();
    clock.delay(flushMs, { signal: timer.signal }).then(flush, () => undefined);
  };
  const at = (worker: string) => ({ store: 'measurements', key: `${keyPrefix}${worker}` }) as const;
  return {
    put: (worker, standing) => add(worker, { type: 'put', ...at(worker), value: standing }),
    delete: (worker) => add(worker, { type: 'delete', ...at(worker) }),
    settled: () => withTimeout(flush(), clock, settleTimeoutMs).catch(() => undefined),
  };
}

/** Records what an attempt's end says about the worker and the model it was asked for, and returns it. */
export function recordOutcome(
  trackRecord: TrackRecord,
  { peer, artefact }: Pick<WorkerView, 'peer' | 'artefact'>,
  end: AttemptEnd,
  { job, attempt, latenessMs }: AttemptSeen,
): Outcome {
  const context = {
    latenessMs,
    agreed: false,
    standing: hasStanding(trackRecord.standing(peer, artefact)),
    redialled: isRedial(peer, job, attempt),
    sameOutage: attempt !== undefined && trackRecord.isSameOutage(peer, attempt.chosenAt),
    offeredFree: trackRecord.offeredFree(peer, artefact),
  };
  const outcome = outcomeOf(endingOf(end, job, attempt), context);
  trackRecord.record(peer, artefact, outcome);
  if (end.type === 'finished' && end.settlement.forked) trackRecord.recordFork(peer, artefact);
  return outcome;
}

/** Whether the job has lost this worker before, and this attempt has brought nothing either. */
function isRedial(peer: PeerId, { attempts }: Pick<JobState, 'attempts'>, attempt: Attempt | undefined): boolean {
  if (!attempt || attempt.toToken > attempt.fromToken) return false;
  const before = attempts.slice(0, attempts.indexOf(attempt));
  return before.some(({ worker, outcome }) => worker.peer === peer && outcome === 'lost');
}

function endingOf(end: AttemptEnd, job: Pick<JobState, 'output'>, attempt: Attempt | undefined): AttemptEnding {
  switch (end.type) {
    case 'finished':
      return {
        type: 'finished',
        receipt: attempt && allHold(end.settlement.receiptCheck) ? 'holds' : 'false',
        // Vectors and files have no tokens; and of a resumed answer there may be nothing left to say.
        answer: attempt?.firstTokenAt === undefined && !attempt?.fromToken ? 'empty' : 'some',
        counts:
          attempt && !countsFit(attempt.toToken - attempt.fromToken, bytesOf(job, attempt)) ? 'impossible' : 'fit',
        seen: attempt ? seenOf(attempt) : {},
      };
    case 'refused':
      // The claim about the request stands: had another worker done the job, the session would report this end as a loss.
      return { type: 'refused', code: end.error.code, after: 'asking' };
    case 'lost':
      // The worker reported the failure itself; it did not go silent.
      if (end.error.details?.['saidCode'] !== undefined) {
        return { type: 'refused', code: end.error.code, after: 'accepted' };
      }
      if (end.error.details?.['reason'] === 'stalled') return { type: 'stalled' };
      // Whether a payment came in time is one's word against the other's.
      if (end.error.details?.['reason'] === 'unpaid') return { type: 'given-up' };
      if (end.error.details?.['reason'] === 'said-unpaid')
        return { type: 'refused', code: end.error.code, after: 'asking' };
      if (end.error.details?.['reason'] === 'empty') {
        return { type: 'finished', receipt: 'holds', answer: 'empty', counts: 'fit', seen: {} };
      }
      return { type: end.error.code === 'bad-frame' || end.error.code === 'frame-too-large' ? 'breach' : 'lost' };
    case 'failed':
    case 'cancelled':
      return { type: 'given-up' };
  }
}

/** What an attempt's tokens can stand for: its text, and all thoughts and calls of the answer. */
function bytesOf({ output }: Pick<JobState, 'output'>, { fromCharacter, toCharacter }: Attempt): number {
  const calls = output.toolCalls.map((call) => call.arguments).join('');
  return utf8Encode(output.text.slice(fromCharacter, toCharacter) + output.reasoning + calls).length;
}
