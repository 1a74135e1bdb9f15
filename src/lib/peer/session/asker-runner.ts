import { joinSignals, released } from '#lib/base/abort.ts';
import { toErrorRecord } from '#lib/base/errors.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { utf8Encode } from '#lib/base/bytes.ts';
import { encodeVoucher } from '#lib/protocol/payment.ts';
import { rowOf } from '#lib/protocol/job.ts';
import { openCheckpoint, type Promised } from '#lib/trust/check.ts';
import { createOutputRoot, type OutputRoot } from '#lib/trust/output-root.ts';
import { hasContent } from '#lib/protocol/output.ts';
import type { Part } from '#lib/protocol/part.ts';
import type { JobEvent, Settlement } from '../spec.ts';
import { receiptTotals, type AskerAccount } from './asker-account.ts';
import { createAskerLine, lostBecause, type AskerLine } from './asker-line.ts';
import { askerAfter, initialAsker, reduceAsker } from './asker.ts';
import type { AskerEffect, AskerEvent, AskerState, AskerTimer } from './asker-spec.ts';
import type { AskerComponents, Chosen } from './asker-components.ts';
import { directHeadStartMs } from './asker-waits.ts';
import type { FinishFrame } from './attempt-end.ts';
import { drive } from './drive.ts';
import { createEventQueue } from './event-queue.ts';
import { probeOnWithdrawal } from './liveness-probe.ts';
import { createTimers } from '../timers.ts';

/** One attempt: its worker, its channel, and what has arrived on it. */
interface Attempted {
  readonly chosen: Chosen;
  readonly line: AskerLine;
  readonly output: OutputRoot;
  /** Of text that has come, counted for a paid job. */
  textBytes: number;
  endWatch: () => void;
}

function add(attempted: Attempted | undefined, part: Part): void {
  if (!attempted) return;
  attempted.output.add(part);
  if (!attempted.chosen.paying || !hasContent(part)) return;
  const text = 'text' in part ? part.text : 'arguments' in part ? part.arguments : '';
  attempted.textBytes += utf8Encode(text).length;
}

/** What the worker's receipt may say of money. */
const promisedOn = ({ paying }: Chosen, account: AskerAccount | undefined): Promised | undefined =>
  paying &&
  account && {
    chain: paying.payment.chain,
    channel: paying.payment.channelId,
    totals: receiptTotals(account),
  };

/** How far before its own end an asker believes a worker that the time is up: their timers do not run alike. */
const deadlineSlackMs = 1_000;

/** Timers that speak of a worker's silence: a process that was held up itself reads first what came meanwhile. */
const ofSilence: ReadonlySet<AskerTimer> = new Set([
  'open',
  'accept',
  'queue',
  'silence',
  'first-word',
  'stall',
  'hedge',
]);

/**
 * Runs one job: owns its channels, a pump on each that always reads, and all of its timers. What happens is told to the
 * reader; one that falls behind stops the pump, and so, by the transport's credit, the engine. Leaving the loop, and
 * aborting the signal, stop the job.
 */
export function runAsker(components: AskerComponents): AsyncIterable<JobEvent> {
  const { net, clock, book, kinds, signal } = components;
  const endsAtMs = clock.elapsed() + components.deadlineMs;
  const attempts = new Map<number, Attempted>();
  /** Until the job is over or was stopped. */
  const ended = joinSignals([signal]);
  let flow: PromiseWithResolvers<void> | undefined;
  /** How late this process was itself with the timer that has fired. */
  let latenessMs = 0;

  const session = drive<AskerState, AskerEvent, AskerEffect>({
    initial: components.after ? askerAfter(components.after) : initialAsker,
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
      case 'prepare':
        return void prepare(effect);
      case 'hedge': {
        const chosen = components.hedge(session.state, effect);
        return chosen && take('hedged', chosen);
      }
      case 'open':
        return open(effect.attempt);
      case 'send':
        return attempts.get(effect.attempt)?.line.send(effect.frame);
      case 'remember-stopped':
        return components.rememberStopped(effect.job.id, effect.worker);
      case 'add-output':
        return add(attempts.get(effect.attempt), effect.part);
      case 'check':
        return check(effect);
      case 'settle':
        return void settle(effect.attempt, effect.frame);
      case 'close':
        attempts.get(effect.attempt)?.endWatch();
        return attempts.get(effect.attempt)?.line.close(effect.last);
      case 'drop':
        attempts.get(effect.attempt)?.endWatch();
        return attempts.get(effect.attempt)?.line.drop(wireError(effect.code));
      case 'record':
        return components.record(effect.worker, effect.end, {
          job: session.state.job,
          attempt: session.state.job.attempts[session.state.shown.indexOf(effect.attempt)],
          expectedFirstPartMs: attempts.get(effect.attempt)?.chosen.expectedFirstPartMs,
          latenessMs,
        });
      case 'promise':
        return void promise(effect);
      case 'end-payment':
        return attempts.get(effect.attempt)?.chosen.paying?.payment.end(effect.channel);
      case 'arm':
        return timers.arm(effect.timer, effect.ms);
      case 'disarm':
        return timers.disarm(effect.timer);
      case 'end':
        timers.stop();
        ended.abort(released);
        signal.removeEventListener('abort', onStop);
        reopen();
        return events.end();
    }
  };

  const choose = async (effect: Extract<AskerEffect, { type: 'choose' }>) => {
    try {
      const choice = await components.choose(session.state, effect, ended.signal);
      if (choice.type === 'nobody') return dispatch({ at: clock.now(), ...choice });
      take('chosen', choice.chosen);
    } catch (error) {
      dispatch({ type: 'nobody', at: clock.now(), error: toErrorRecord(error), rejections: [] });
    }
  };

  const take = (type: 'chosen' | 'hedged', chosen: Chosen) => {
    const attempt = session.state.attempt + 1;
    attempts.set(attempt, {
      chosen,
      line: lineOf(attempt, chosen),
      output: createOutputRoot(rowOf(chosen.job, kinds).outputHash),
      textBytes: 0,
      endWatch: () => undefined,
    });
    const { job, worker, firstPartTimeoutMs, stallTimeoutMs, hedgeAfterMs, doubt, wasStopped } = chosen;
    const { parts, limits: bounds } = rowOf(job, kinds);
    const { dataBytesMax } = bounds;
    const terms = chosen.paying?.terms;
    const waits = { firstPartTimeoutMs, stallTimeoutMs, hedgeAfterMs, doubt };
    dispatch({ type, at: clock.now(), job, worker, ...waits, terms, parts, dataBytesMax, wasStopped });
  };

  const prepare = async (effect: Extract<AskerEffect, { type: 'prepare' }>) => {
    const worker = await components.prepare(session.state, effect, ended.signal).catch(() => undefined);
    if (worker !== undefined) dispatch({ type: 'prepared', at: clock.now(), worker });
  };

  const lineOf = (attempt: number, { job, worker, addrs }: Chosen): AskerLine =>
    createAskerLine(
      { job, peer: worker.peer, addrs, directTimeoutMs: attempt > 1 ? directHeadStartMs : undefined },
      components,
      {
        opened: (path) => dispatch({ type: 'opened', attempt, at: clock.now(), path }),
        unopened: (error, fault) => dispatch({ type: 'unopened', attempt, at: clock.now(), error, fault }),
        frame: (frame) => {
          const late = clock.elapsed() >= endsAtMs - deadlineSlackMs;
          dispatch({ type: 'frame', attempt, at: clock.now(), frame, late });
        },
        lost: (error) => dispatch({ type: 'lost', attempt, at: clock.now(), error }),
        room: (closed) =>
          events.isFull && session.state.step === 'open' && !signal.aborted ? untilRead(closed) : undefined,
      },
    );

  const open = (attempt: number) => {
    const attempted = attempts.get(attempt)!;
    const { peer } = attempted.chosen.worker;
    attempted.endWatch = probeOnWithdrawal(
      peer,
      { ...components, state: () => session.state.job },
      {
        onDoubt: () => dispatch({ type: 'doubted', attempt, at: clock.now() }),
        onDead: () => dispatch({ type: 'lost', attempt, at: clock.now(), error: lostBecause('left') }),
      },
    );
    void attempted.line.open();
  };

  const untilRead = async (closed: AbortSignal) => {
    flow = Promise.withResolvers();
    const { promise, resolve } = flow;
    closed.addEventListener('abort', () => resolve(), { once: true });
    dispatch({ type: 'paused', at: clock.now() });
    await promise;
  };

  const check = ({ attempt, envelope }: Extract<AskerEffect, { type: 'check' }>) => {
    const { chosen, output, textBytes: bytes } = attempts.get(attempt)!;
    const { job, worker } = chosen;
    const summary = output.summary();
    const opened = openCheckpoint(envelope, { job, asker: net.self, worker: worker.peer, output: summary });
    const { tokens: tokensOut } = summary;
    const checkpoint = opened && { envelope, tokensOut };
    const claim = opened?.due === undefined ? undefined : { due: opened.due, tokensOut, bytes };
    dispatch({ type: 'checked', attempt, at: clock.now(), checkpoint, claim });
  };

  const promise = async ({ attempt, total }: Extract<AskerEffect, { type: 'promise' }>) => {
    const { payment } = attempts.get(attempt)!.chosen.paying!;
    try {
      const voucher = encodeVoucher(await payment.promise(total));
      const promised = payment.promised();
      const made = promised < total ? promised : total;
      dispatch({ type: 'promised', attempt, at: clock.now(), total: made, voucher });
    } catch (error) {
      dispatch({ type: 'purse-failed', attempt, at: clock.now(), error: toErrorRecord(error) });
    }
  };

  /** Checks the receipt, signs and keeps it where it holds. */
  const settle = async (attempt: number, frame: FinishFrame) => {
    const { chosen, output } = attempts.get(attempt)!;
    const { job, worker, price, askedAt } = chosen;
    const payment = promisedOn(chosen, session.state.current?.account);
    const taken = await book.take(frame.receipt, {
      job,
      asker: net.self,
      worker: worker.peer,
      engine: worker.engine,
      output: output.summary(),
      reason: frame.reason,
      usage: frame.usage,
      price,
      payment,
      askedAt,
      receivedAt: clock.now(),
    });
    const settlement: Settlement = { usage: frame.usage, ...taken };
    dispatch({ type: 'settled', attempt, at: clock.now(), frame, settlement });
  };

  signal.addEventListener('abort', onStop, { once: true });
  dispatch({ type: 'start', at: clock.now() });
  if (signal.aborted) onStop();
  return events;
}
