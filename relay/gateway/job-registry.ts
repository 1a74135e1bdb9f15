import { createHash } from 'node:crypto';
import { anySignal, type AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { randomId } from '#lib/base/ids.ts';
import type { Random } from '#lib/base/random.ts';
import { createNotifier } from '#lib/base/notifier.ts';
import type { AskRequest, Consumer, JobEvent } from '#lib/peer/spec.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { doorError } from './errors.ts';
import { gatewayLimits } from './limits.ts';
import { createRecording, type Recording } from './response-recorder.ts';

/** Every job this gateway runs, within its limit, and what became of them. */
export interface JobBook {
  readonly tally: Tally;
  /**
   * Runs the job, or follows the one that runs or ran under the same key and body. Leaving the loop or aborting stops
   * the job unless somebody else follows it.
   * @throws `draining`, `gateway-busy`, `idempotency-key-reused`; before anything is asked.
   */
  run(ask: AskRequest, key: IdempotencyKey | undefined, options: AbortOptions): NamedRun;
  /** Takes nothing new. */
  drain(): void;
  /** Stops what runs; each answer ends with `reason`. */
  abort(reason: Error): void;
  /** Resolves when nothing runs. @throws the signal's coded error. */
  idle(options: AbortOptions): Promise<void>;
}

export interface NamedRun {
  readonly id: string;
  readonly events: AsyncIterable<JobEvent>;
}

export interface IdempotencyKey {
  /** Who asks; keys of two callers are two keys. */
  readonly scope: string;
  readonly key: string;
  /** The body, byte for byte. */
  readonly body: string;
}

export interface Tally {
  readonly running: number;
  readonly finished: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly tokensOut: number;
}

interface Entry {
  readonly bodyHash: string;
  readonly expiresAt: number;
  /** Failed and stopped runs are not answers: the next one under this key is a new job with a new id. */
  attempt: number;
  recording?: Recording | undefined;
}

export interface JobBookComponents {
  readonly consumer: Consumer;
  readonly clock: Clock;
  readonly random: Random;
}

export function createJobBook({ consumer, clock, random }: JobBookComponents): JobBook {
  /**
   * Part of every id, since what is known of a key goes with this process: how often it was tried, and the salt of its
   * job. The same id with another salt is another job to the worker that remembers it, and it would refuse it.
   */
  const life = randomId(random);
  const entries = new Map<string, Entry>();
  const tally = { running: 0, finished: 0, failed: 0, cancelled: 0, tokensOut: 0 };
  const closing = new AbortController();
  const becameIdle = createNotifier();
  let draining = false;

  async function* counted(ask: AskRequest, signal: AbortSignal | undefined): AsyncGenerator<JobEvent> {
    let outcome: 'finished' | 'failed' | 'cancelled' = 'cancelled';
    tally.running += 1;
    try {
      for await (const event of consumer.ask(ask, { signal: anySignal([signal, closing.signal]) })) {
        if (event.type === 'job-finished') {
          outcome = 'finished';
          tally.tokensOut += event.usage.tokensOut;
        } else if (event.type === 'job-failed') outcome = 'failed';
        else if (event.type === 'job-cancelled' && closing.signal.aborted) throw closing.signal.reason;
        yield event;
      }
    } catch (error) {
      outcome = 'failed';
      throw error;
    } finally {
      tally.running -= 1;
      tally[outcome] += 1;
      if (tally.running === 0) becameIdle.notify();
    }
  }

  const admit = () => {
    if (draining) throw wireError('draining', 'This relay is going away and takes no new work. Ask another one.');
    if (tally.running >= gatewayLimits.jobsMax) {
      throw doorError('gateway-busy', 'This relay runs as many answers as it can. Try again in a few seconds.');
    }
  };

  const forgetOld = () => {
    const now = clock.now();
    let bytes = 0;
    for (const entry of entries.values()) bytes += entry.recording?.sizeBytes ?? 0;
    for (const [name, entry] of entries) {
      const surplus = entries.size > gatewayLimits.recordsMax || bytes > gatewayLimits.recordBytesMax;
      if (!surplus && entry.expiresAt > now) continue;
      if (entry.recording && !entry.recording.ended) continue;
      bytes -= entry.recording?.sizeBytes ?? 0;
      entries.delete(name);
    }
  };

  const runKeyed = (ask: AskRequest, { scope, key, body }: IdempotencyKey, signal: AbortSignal | undefined) => {
    const name = hash(scope, key);
    const bodyHash = hash(body);
    forgetOld();
    const entry = entries.get(name) ?? {
      bodyHash,
      expiresAt: clock.now() + gatewayLimits.recordTtlMs,
      attempt: 0,
    };
    if (entry.bodyHash !== bodyHash) {
      throw doorError('idempotency-key-reused', 'This Idempotency-Key came with another body. Use a new key.');
    }
    const id = () => hash(life, name, String(entry.attempt)).slice(0, 32);
    if (!entry.recording || entry.recording.abandoned) {
      admit();
      if (entry.recording) entry.attempt += 1;
      const recording = createRecording((stop) => counted({ ...ask, id: id() }, stop));
      entry.recording = recording;
      void forgetUnlessAnswered(entry, recording);
    }
    entries.set(name, entry);
    return { id: id(), events: entry.recording.follow(signal) };
  };

  return {
    tally,
    run(ask, key, { signal }) {
      if (key) return runKeyed(ask, key, signal);
      admit();
      const id = ask.id ?? randomId(random);
      return { id, events: counted({ ...ask, id }, signal) };
    },
    drain: () => {
      draining = true;
    },
    abort: (reason) => closing.abort(reason),
    async idle({ signal }) {
      while (tally.running > 0) await becameIdle.wait({ signal });
    },
  };
}

/** Only an answer is worth repeating. */
async function forgetUnlessAnswered(entry: Entry, recording: Recording): Promise<void> {
  const last = await recording.over;
  if (last?.type === 'job-finished' || entry.recording !== recording) return;
  entry.recording = undefined;
  entry.attempt += 1;
}

/** SHA-256 over the parts with their lengths, so that no two lists of parts read the same. */
function hash(...parts: readonly string[]): string {
  const digest = createHash('sha256');
  for (const part of parts) digest.update(`${Buffer.byteLength(part)}:`).update(part);
  return digest.digest('hex');
}
