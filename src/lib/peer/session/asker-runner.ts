import type { Clock } from '#lib/base/clock.ts';
import { errorCode, TabloomError, toErrorRecord, type ErrorRecord } from '#lib/base/errors.ts';
import type { Directory } from '#lib/market/spec.ts';
import type { Channel, Net } from '#lib/net/spec.ts';
import { wireError, type WireErrorCode } from '#lib/protocol/errors.ts';
import { decodeWorkerFrame, encodeAskerFrame, jobProtocol, type AskerFrame } from '#lib/protocol/frame.ts';
import type { JobId, PeerId } from '#lib/protocol/ids.ts';
import { filesOf, rowOf, type Job } from '#lib/protocol/job.ts';
import type { KindTable } from '#lib/protocol/kinds/table.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { Price } from '#lib/protocol/price.ts';
import { checkCheckpoint } from '#lib/trust/check.ts';
import { createOutputRoot, type OutputRoot } from '#lib/trust/output-root.ts';
import type { ReceiptBook } from '../receipt-book.ts';
import type { JobEvent, Settlement, WorkerView } from '../spec.ts';
import { initialAsker, reduceAsker } from './asker.ts';
import type { AskerEffect, AskerEvent, AskerState, AskerTimer, Doubt, FinishFrame } from './asker-spec.ts';
import type { AttemptEnd } from './attempt-end.ts';
import type { Attempt } from './attempt.ts';
import type { JobState } from './job-state.ts';
import { drive } from './drive.ts';
import { createEventQueue } from './event-queue.ts';
import { probeOnWithdrawal } from './liveness-probe.ts';
import { createTimers } from '../timers.ts';

/** A worker that was chosen, and what is agreed with it. */
export interface Chosen {
  readonly job: Job;
  readonly worker: WorkerView;
  readonly addrs: readonly string[];
  readonly price: Price;
  readonly firstPartTimeoutMs: number;
  readonly doubt?: Doubt | undefined;
  readonly stallTimeoutMs: number;
  /** When this id was first asked, in milliseconds since the epoch: an answer from the record is as old. */
  readonly askedAt: number;
  readonly wasStopped: boolean;
}

export type Choosing =
  | { readonly type: 'chosen'; readonly chosen: Chosen }
  | {
      readonly type: 'nobody';
      readonly error: ErrorRecord;
      readonly rejections: Extract<JobEvent, { type: 'job-failed' }>['rejections'];
    };

export interface AskerComponents {
  readonly net: Net;
  readonly directory: Pick<Directory, 'onChange'>;
  readonly book: ReceiptBook;
  readonly clock: Clock;
  readonly kinds: KindTable;
  readonly blobs: ReadonlyMap<string, Uint8Array>;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  /** Finds the next worker for what the job has come to. May take its time; stops with the signal. */
  readonly choose: (
    state: AskerState,
    effect: Extract<AskerEffect, { type: 'choose' }>,
    signal: AbortSignal,
  ) => Promise<Choosing>;
  readonly rememberStopped: (id: JobId, worker: PeerId) => void;
  readonly record: (worker: WorkerView, end: AttemptEnd, seen: AttemptSeen) => void;
}

/** What the asker saw of an attempt, for the worker's track record. */
export interface AttemptSeen {
  readonly job: JobState;
  readonly attempt: Attempt | undefined;
  /** How late the asker's own timers were: what it did not read in time may have come in time. */
  readonly latenessMs: number;
}

/** One attempt's channel and what has arrived on it. */
interface Line {
  readonly chosen: Chosen;
  readonly opening: AbortController;
  readonly output: OutputRoot;
  channel: Channel | undefined;
  endWatch: () => void;
}

/** How far before its own end an asker believes a worker that the time is up: their timers do not run alike. */
const deadlineSlackMs = 1_000;

/** Timers that speak of a worker's silence: a process that was held up itself reads first what came meanwhile. */
const ofSilence: ReadonlySet<AskerTimer> = new Set(['open', 'accept', 'queue', 'silence', 'first-word', 'stall']);

/**
 * Runs one job: owns its channels, a pump on each that always reads, and all of its timers. What happens is told to the
 * reader; one that falls behind stops the pump, and so, by the transport's credit, the engine. Leaving the loop, and
 * aborting the signal, stop the job.
 */
export function runAsker(components: AskerComponents): AsyncIterable<JobEvent> {
  const { net, clock, book, kinds, signal } = components;
  const endsAtMs = clock.elapsed() + components.deadlineMs;
  const lines = new Map<number, Line>();
  const over = new AbortController();
  let flow: PromiseWithResolvers<void> | undefined;
  /** How late this process was itself with the timer that has fired. */
  let latenessMs = 0;

  const session = drive<AskerState, AskerEvent, AskerEffect>({
    initial: initialAsker,
    reduce: (state, event) => reduceAsker(state, event, components.deadlineMs),
    perform: (effect) => perform(effect),
  });
  const { dispatch } = session;
  const timers = createTimers<AskerTimer>({
    clock,
    spared: ofSilence,
    onFire: (timer, lateMs) => {
      latenessMs = lateMs;
      dispatch({ type: 'timer', timer, at: clock.now() });
      latenessMs = 0;
    },
  });
  const reopen = () => {
    flow?.resolve();
    flow = undefined;
  };
  const events = createEventQueue({
    onDrain: () => {
      if (!flow) return;
      reopen();
      dispatch({ type: 'resumed', at: clock.now() });
    },
    onAbandon: () => dispatch({ type: 'leave', at: clock.now() }),
  });
  const onStop = () => {
    reopen();
    dispatch({ type: 'stop', at: clock.now() });
  };

  const perform = (effect: AskerEffect): void => {
    switch (effect.type) {
      case 'tell':
        return events.push(effect.event);
      case 'choose':
        return void choose(effect);
      case 'open':
        return void open(effect.attempt);
      case 'send':
        return send(lines.get(effect.attempt), effect.frame);
      case 'remember-stopped':
        return components.rememberStopped(effect.job.id, effect.worker);
      case 'add-output':
        return lines.get(effect.attempt)?.output.add(effect.part);
      case 'check':
        return check(effect);
      case 'settle':
        return void settle(effect.attempt, effect.frame);
      case 'close':
        return close(effect.attempt, effect.last);
      case 'drop':
        return drop(effect.attempt, wireError(effect.code));
      case 'record':
        return components.record(effect.worker, effect.end, {
          job: session.state.job,
          attempt: session.state.job.attempts[effect.attempt - 1],
          latenessMs,
        });
      case 'arm':
        return timers.arm(effect.timer, effect.ms);
      case 'disarm':
        return timers.disarm(effect.timer);
      case 'end':
        timers.stop();
        over.abort();
        signal.removeEventListener('abort', onStop);
        reopen();
        return events.end();
    }
  };

  const choose = async (effect: Extract<AskerEffect, { type: 'choose' }>) => {
    try {
      const choice = await components.choose(session.state, effect, AbortSignal.any([over.signal, signal]));
      const at = clock.now();
      if (choice.type === 'nobody') return dispatch({ at, ...choice });
      const { chosen } = choice;
      const attempt = session.state.attempt + 1;
      lines.set(attempt, {
        chosen,
        opening: new AbortController(),
        output: createOutputRoot(rowOf(chosen.job, kinds).outputHash),
        channel: undefined,
        endWatch: () => undefined,
      });
      const { job, worker, firstPartTimeoutMs, stallTimeoutMs, doubt, wasStopped } = chosen;
      const { parts, limits: bounds } = rowOf(job, kinds);
      const { dataBytesMax } = bounds;
      const waits = { firstPartTimeoutMs, stallTimeoutMs, doubt };
      dispatch({ type: 'chosen', at, job, worker, ...waits, parts, dataBytesMax, wasStopped });
    } catch (error) {
      dispatch({ type: 'nobody', at: clock.now(), error: toErrorRecord(error), rejections: [] });
    }
  };

  const open = async (attempt: number) => {
    const line = lines.get(attempt)!;
    const { job, worker, addrs } = line.chosen;
    let body: Uint8Array;
    try {
      body = encodeAskerFrame({ t: 'open', job }, kinds);
    } catch (error) {
      return dispatch({ type: 'unopened', attempt, at: clock.now(), error: toErrorRecord(error), fault: 'own' });
    }
    line.endWatch = probeOnWithdrawal(worker.peer, { ...components, state: () => session.state.job }, () =>
      dispatch({ type: 'lost', attempt, at: clock.now(), error: lostBecause('left') }),
    );
    try {
      const channel = await net.open(worker.peer, jobProtocol, { signal: line.opening.signal, addrs });
      if (line.opening.signal.aborted) return channel.abort(wireError('cancelled'));
      line.channel = channel;
      // On its way before anybody is told: what hears the event may take its time.
      const sending = channel.send(body);
      void pump(attempt, channel);
      dispatch({ type: 'opened', attempt, at: clock.now(), path: channel.path });
      await sending;
      await sendBlobs(channel, job);
    } catch (error) {
      if (line.opening.signal.aborted) return;
      if (line.channel) return dispatch({ type: 'lost', attempt, at: clock.now(), error: readError(error) });
      dispatch({ type: 'unopened', attempt, at: clock.now(), ...unopened(error) });
    }
  };

  const sendBlobs = async (channel: Channel, job: Job) => {
    for (const { sha256 } of filesOf(job, kinds)) {
      const bytes = components.blobs.get(sha256) ?? new Uint8Array();
      for (let from = 0; from < bytes.length; from += limits.blobFrameBytesMax) {
        const piece = bytes.subarray(from, from + limits.blobFrameBytesMax);
        await channel.send(encodeAskerFrame({ t: 'blob', sha256, bytes: piece }));
      }
    }
  };

  /** Reads for as long as anything comes. After the attempt's end it goes on: what follows the last frame is a breach. */
  const pump = async (attempt: number, channel: Channel) => {
    try {
      for await (const body of channel) {
        const late = clock.elapsed() >= endsAtMs - deadlineSlackMs;
        dispatch({ type: 'frame', attempt, at: clock.now(), frame: decodeWorkerFrame(body), late });
        if (events.isFull && session.state.step === 'open' && !signal.aborted) await untilRead(channel);
      }
      dispatch({ type: 'lost', attempt, at: clock.now(), error: lostBecause('ended') });
    } catch (error) {
      dispatch({ type: 'lost', attempt, at: clock.now(), error: readError(error) });
    }
  };

  const untilRead = async (channel: Channel) => {
    flow = Promise.withResolvers();
    const { promise, resolve } = flow;
    channel.closed.addEventListener('abort', () => resolve(), { once: true });
    dispatch({ type: 'paused', at: clock.now() });
    await promise;
  };

  const check = ({ attempt, envelope }: Extract<AskerEffect, { type: 'check' }>) => {
    const { chosen, output } = lines.get(attempt)!;
    const { job, worker } = chosen;
    const summary = output.summary();
    const holds = checkCheckpoint(envelope, { job, asker: net.self, worker: worker.peer, output: summary });
    const checkpoint = holds ? { envelope, tokensOut: summary.tokens } : undefined;
    dispatch({ type: 'checked', attempt, at: clock.now(), checkpoint });
  };

  /** Checks the receipt, signs and keeps it where it holds. */
  const settle = async (attempt: number, frame: FinishFrame) => {
    const { chosen, output } = lines.get(attempt)!;
    const { job, worker, price, askedAt } = chosen;
    const taken = await book.take(frame.receipt, {
      job,
      asker: net.self,
      worker: worker.peer,
      engine: worker.engine,
      output: output.summary(),
      reason: frame.reason,
      usage: frame.usage,
      price,
      askedAt,
      receivedAt: clock.now(),
    });
    const settlement: Settlement = { usage: frame.usage, ...taken };
    dispatch({ type: 'settled', attempt, at: clock.now(), frame, settlement });
  };

  const send = (line: Line | undefined, frame: AskerFrame) => {
    line?.channel?.send(encodeAskerFrame(frame, kinds)).catch(() => undefined);
  };

  /** A worker that does not close its own side in time is cut off: what only one side has closed is still open. */
  const close = (attempt: number, last: AskerFrame | undefined) => {
    const line = lines.get(attempt);
    line?.endWatch();
    const channel = line?.channel;
    if (!channel) return;
    const saying = async () => {
      if (last) await channel.send(encodeAskerFrame(last, kinds));
      await channel.close();
    };
    saying().catch((error) => channel.abort(error));
    const closed = new AbortController();
    channel.closed.addEventListener('abort', () => closed.abort(), { once: true });
    if (channel.closed.aborted) return;
    clock.delay(limits.countersignTimeoutMs, { signal: closed.signal }).then(
      () => channel.abort(wireError('deadline')),
      () => undefined,
    );
  };

  const drop = (attempt: number, error: TabloomError) => {
    const line = lines.get(attempt);
    line?.endWatch();
    line?.opening.abort(error);
    const channel = line?.channel;
    // One turn for what was sent to be handed to the transport; the abort that follows says the same, less politely.
    if (channel) queueMicrotask(() => channel.abort(error));
  };

  signal.addEventListener('abort', onStop, { once: true });
  dispatch({ type: 'start', at: clock.now() });
  if (signal.aborted) onStop();
  return events;
}

const lostBecause = (reason: string): ErrorRecord =>
  toErrorRecord(wireError('peer-lost', undefined, { details: { reason } }));

/** What came could not be read, or the channel has gone: a breach in the worker's bytes, however it shows, is the worker's. */
function readError(error: unknown): ErrorRecord {
  const code = errorCode(error);
  if (code === 'bad-frame' || code === 'frame-too-large')
    return toErrorRecord(wireError('bad-frame', undefined, { cause: error }));
  if (code === 'version') return toErrorRecord(error);
  return lostBecause(code);
}

function unopened(error: unknown): { readonly error: ErrorRecord; readonly fault: 'own' | 'way' | 'refusal' } {
  const code = errorCode(error);
  const refused = (as: WireErrorCode) => ({ error: toErrorRecord(wireError(as)), fault: 'refusal' as const });
  // This device itself is offline: no other worker would help.
  if (code === 'net-offline') return { error: toErrorRecord(error), fault: 'own' };
  // More than the net opens to one peer at a time, or a peer of another version: it has heard nothing of this job.
  if (code === 'busy') return refused('busy');
  if (code === 'protocol-unknown') return refused('version');
  return { error: lostBecause(code), fault: 'way' };
}
