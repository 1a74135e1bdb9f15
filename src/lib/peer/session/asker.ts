import type { ErrorRecord } from '#lib/base/errors.ts';
import { maxTokensOf } from '#lib/protocol/job.ts';
import { limits } from '#lib/protocol/limits.ts';
import { emptyOutput, hasContent, partBytes, partLength, partTokens } from '#lib/protocol/output.ts';
import type { Part } from '#lib/protocol/part.ts';
import type { DeliveredBefore } from '../spec.ts';
import { begin, beginAttempt, choose, nextOf, tell } from './asker-begin.ts';
import { afterAccepted, afterCheckpoint, keepPromise, payAgain, payFor, unpaidEnd } from './asker-paid.ts';
import { breach, conclude, end, errorOf, finish, outrun } from './asker-end.ts';
import type {
  AskerEffect,
  AskerEvent,
  AskerState,
  AskerStep,
  AskerTimer,
  ChannelEvent,
  Current,
  Hedge,
} from './asker-spec.ts';
import {
  deadlineGraceMs,
  excuse,
  expectNothing,
  heardFrom,
  listenAgain,
  overdueError,
  successorDelayMs,
  suspendWaits,
  waitAfter,
  waitAfterWord,
} from './asker-waits.ts';
import { errorEnd, refusedEnd } from './attempt-end.ts';
import { dropHedge, hearHedge, mayHedge, startHedge } from './hedge.ts';
import { initialJob, isLegal } from './job-state.ts';
import { addIds, continuationOf, withoutKnownCall } from './progress.ts';

export const initialAsker: AskerState = {
  job: initialJob,
  ids: undefined,
  step: 'choosing',
  attempt: 0,
  shown: [],
  current: undefined,
  hedge: undefined,
  tried: [],
  errors: [],
  successor: undefined,
  claims: [],
  spent: 0n,
  isStopping: false,
  isPaused: false,
};

/** An answer goes on that an earlier job has begun: as after the loss of a worker, only that none is to be avoided. */
export const askerAfter = ({ job, text, tokens, ids }: DeliveredBefore): AskerState => ({
  ...initialAsker,
  job: { ...initialJob, job, text, tokens, output: { ...emptyOutput, text, tokens } },
  ids: ids?.length === tokens ? { ids, before: undefined } : 'unknown',
});

const messages = {
  empty: 'The peer gave an empty answer. Try another peer.',
  unasked: 'The peer ended the answer as cancelled, but it was not cancelled.',
  outOfTurn: 'The peer sent a frame out of turn.',
  tooMuch: 'The peer sent more than was asked for.',
  notOfKind: 'The peer sent a part that does not belong to this kind of work.',
  badCheckpoint: 'The peer signed something other than what it sent.',
} as const;

const none: readonly AskerEffect[] = [];

/** @param deadlineMs of the whole job, from its start. */
export function reduceAsker(state: AskerState, event: AskerEvent, deadlineMs: number): AskerStep {
  const reduced = reduce(state, event, deadlineMs);
  const [{ step, hedge }] = reduced;
  return hedge && step === 'choosing' ? promote(reduced, hedge, event.at) : reduced;
}

function reduce(state: AskerState, event: AskerEvent, deadlineMs: number): AskerStep {
  if (event.type === 'hedged') return startHedge(state, event);
  if (state.step === 'over') return afterEnd(state, event);
  switch (event.type) {
    case 'start':
      return choose(state, event.at, [{ type: 'arm', timer: 'deadline', ms: deadlineMs + deadlineGraceMs }]);
    case 'chosen':
      return state.step === 'choosing' ? beginAttempt(state, event) : [state, none];
    case 'nobody':
      if (state.step !== 'choosing') return [state, none];
      return end(state, { type: 'job-failed', at: event.at, error: event.error, rejections: event.rejections }, []);
    case 'stop':
      return stop(state, event.at);
    case 'leave':
      return leave(state, event.at);
    case 'paused':
      return [{ ...state, isPaused: true }, suspendWaits];
    case 'resumed':
      return [{ ...state, isPaused: false }, state.step === 'open' ? listenAgain(state) : none];
    case 'prepared':
      return [{ ...state, successor: event.worker }, none];
    case 'timer':
      return onTimer(state, event.timer, event.at);
    case 'opened':
    case 'unopened':
    case 'doubted':
    case 'frame':
    case 'lost':
    case 'settled':
    case 'checked':
    case 'promised':
    case 'purse-failed':
      if (event.attempt === state.hedge?.attempt) return onHedge(state, state.hedge, event);
      if (event.attempt !== state.current?.attempt) return afterEnd(state, event);
      return onChannel(state, state.current, event);
  }
}

function onHedge(state: AskerState, hedge: Hedge, event: ChannelEvent): AskerStep {
  const { at } = event;
  const heard = hearHedge(hedge, event);
  if (heard.type === 'over') return dropHedge(state, at, heard.end);
  const next = { ...state, hedge: heard.hedge };
  const { current, step, isStopping } = state;
  const isFirst = heard.type === 'spoke' && step === 'open' && current?.hasSpoken === false && !isStopping;
  return isFirst ? outrun(next, current, at) : [next, none];
}

/** The second worker takes the place of the first: what it has done so far happens now. */
function promote([state, before]: AskerStep, { attempt, chosen, heard }: Hedge, at: number): AskerStep {
  const [routing, told] = tell({ ...state, hedge: undefined }, { type: 'job-routing', at, attempt });
  const [begun, beginning] = begin(routing, attempt, chosen);
  let next = begun;
  const effects = [...before, ...told, ...beginning];
  for (const event of heard) {
    const [after, more] = reduceAsker(next, event, 0);
    next = after;
    effects.push(...more);
  }
  return [next, effects];
}

/** Handles what arrives on a channel whose attempt has ended: a frame after the closing one is a violation. */
function afterEnd(state: AskerState, event: AskerEvent): AskerStep {
  if (event.type !== 'frame' || event.frame.t === 'unknown') return [state, none];
  const { attempt, at } = event;
  const { worker, outcome } = state.job.attempts[state.shown.indexOf(attempt)] ?? {};
  // What a worker sent before it was given up or cut off may still be in flight.
  if (worker === undefined || outcome === 'lost' || outcome === 'failed' || outcome === 'cancelled')
    return [state, none];
  const error = errorOf('bad-frame', messages.outOfTurn);
  return [
    state,
    [
      { type: 'drop', attempt, code: 'bad-frame' },
      { type: 'record', attempt, worker, end: { type: 'lost', at, error } },
    ],
  ];
}

function onChannel(state: AskerState, current: Current, event: ChannelEvent): AskerStep {
  const { at, attempt } = event;
  switch (event.type) {
    case 'opened': {
      if (state.step !== 'opening') return [state, none];
      const [told, effects] = tell(state, { type: 'channel-opened', at, path: event.path });
      return [
        { ...told, step: 'open' },
        [
          ...effects,
          { type: 'disarm', timer: 'open' },
          state.isStopping
            ? { type: 'arm', timer: 'settle', ms: limits.settleTimeoutMs }
            : { type: 'arm', timer: 'accept', ms: limits.acceptTimeoutMs },
          { type: 'arm', timer: 'successor', ms: successorDelayMs },
        ],
      ];
    }
    case 'unopened':
      if (event.fault === 'own') return conclude(state, { type: 'failed', at, error: event.error }, 'bad-request');
      if (event.fault === 'refusal') {
        return conclude(state, { type: 'refused', at, error: event.error, claim: 'none' }, 'peer-lost');
      }
      return conclude(state, { type: 'lost', at, error: event.error }, 'peer-lost');
    case 'doubted':
      return prepareSuccessor(state);
    case 'lost':
      // The frames that settle it have arrived: what is left is this side's own work.
      if (state.step === 'settling') return [state, none];
      return conclude(state, { type: 'lost', at, error: event.error }, 'peer-lost');
    case 'settled': {
      const { frame, settlement } = event;
      const last = settlement.receipt.countersign;
      const close: AskerEffect = { type: 'close', attempt, last: last && { t: 'countersign', envelope: last } };
      if (frame.reason === 'cancelled') return finish(state, { type: 'cancelled', at, settlement }, [close]);
      if (frame.reason === 'unpaid') return finish(state, unpaidEnd(current, at), [close]);
      const isEmpty = continuationOf(state.job, state.ids).type === 'begin';
      if (isEmpty && current.doubt?.empty === 'ask-another' && !state.errors.some(wasEmpty)) {
        return finish(state, { type: 'lost', at, error: errorOf('peer-failed', messages.empty, 'empty') }, [close]);
      }
      return finish(state, { type: 'finished', at, frame, settlement }, [close]);
    }
    case 'checked':
      if (!event.checkpoint) return breach(state, at, messages.badCheckpoint);
      return payFor(
        tell(state, { type: 'checkpoint-received', at, checkpoint: event.checkpoint }),
        afterCheckpoint(current, event.claim),
        at,
      );
    case 'promised':
      return keepPromise(state, current, event);
    case 'purse-failed':
      // Nobody is to blame, and what came is kept. Where everything has come, it is too late to matter.
      if (state.step === 'settling') return [state, none];
      return conclude(state, { type: 'failed', at, error: event.error }, 'cancelled');
    case 'frame':
      return state.step === 'settling' ? breach(state, at, messages.outOfTurn) : onFrame(state, current, event);
  }
}

function onFrame(
  state: AskerState,
  current: Current,
  { at, attempt, frame, late }: Extract<AskerEvent, { type: 'frame' }>,
): AskerStep {
  const isAnswer = frame.t !== 'alive' && frame.t !== 'unknown';
  const heard = heardFrom(state, isAnswer ? 'any' : 'sign-of-life');
  switch (frame.t) {
    case 'alive': {
      const longer = excuse(current, frame.phase, at);
      const again = frame.phase === 'starved' ? payAgain(current) : none;
      if (!longer) return [state, [...heard, ...again]];
      const excused = { ...state, current: { ...current, isExcused: true } };
      return [excused, heard.length > 0 ? [...heard, longer, ...again] : [...heard, ...again]];
    }
    case 'unknown': {
      if (current.unknownFrames >= limits.unknownFramesMax) return breach(state, at, messages.tooMuch);
      return [{ ...state, current: { ...current, unknownFrames: current.unknownFrames + 1 } }, heard];
    }
    case 'accepted': {
      if (current.acceptedFrames >= limits.acceptedFramesMax || !isLegal(state.job, { type: 'job-accepted' })) {
        return breach(state, at, messages.outOfTurn);
      }
      const starts = frame.position === 0 && !current.hasSlot;
      const next = { ...current, acceptedFrames: current.acceptedFrames + 1, hasSlot: current.hasSlot || starts };
      const [told, effects] = tell(
        { ...state, current: next },
        { type: 'job-accepted', at, position: frame.position, etaMs: frame.etaMs },
      );
      const wait = state.isStopping ? none : waitAfter(frame, current, next);
      return payFor([told, [...heard, ...wait, ...effects]], afterAccepted(current, frame), at);
    }
    case 'part':
      return onPart(state, current, { at, attempt, part: frame.part });
    case 'checkpoint':
      if (current.checkpoints >= limits.checkpointFramesMax || !current.hasSlot)
        return breach(state, at, messages.outOfTurn);
      return [
        { ...state, current: { ...current, checkpoints: current.checkpoints + 1 } },
        [...heard, { type: 'check', attempt, envelope: frame.envelope }],
      ];
    case 'refused':
      if (frame.code === 'cancelled' && !state.isStopping) return breach(state, at, messages.unasked);
      if (!isLegal(state.job, { type: 'worker-refused' })) return breach(state, at, messages.outOfTurn);
      return finish(state, refusedEnd(frame, at), [{ type: 'close', attempt }]);
    case 'error':
      if (frame.code === 'cancelled' && !state.isStopping) return breach(state, at, messages.unasked);
      if (state.isStopping) return finish(state, { type: 'cancelled', at }, [{ type: 'close', attempt }]);
      return finish(
        state,
        errorEnd(frame, {
          at,
          begun: state.job.phase === 'streaming',
          resumed: current.job.resume !== undefined,
          late,
        }),
        [{ type: 'close', attempt }],
      );
    case 'finish': {
      const isCancelled = frame.reason === 'cancelled';
      if (isCancelled && !state.isStopping && !current.wasStopped) return breach(state, at, messages.unasked);
      if (
        !isLegal(state.job, { type: isCancelled ? 'job-cancelled' : 'job-finished' }) ||
        current.acceptedFrames === 0
      ) {
        return breach(state, at, messages.outOfTurn);
      }
      return [{ ...state, step: 'settling' }, [...expectNothing, { type: 'settle', attempt, frame }]];
    }
  }
}

function onPart(
  state: AskerState,
  current: Current,
  { at, attempt, part }: { readonly at: number; readonly attempt: number; readonly part: Part },
): AskerStep {
  const tokens = current.tokens + partTokens(part);
  const room =
    (maxTokensOf(current.job) ?? limits.maxTokensMax) - (current.job.resume?.tokens ?? 0) + limits.tokenSlack;
  const { output } = state.job;
  const calls = output.toolCalls.reduce((sum, call) => sum + call.arguments.length, 0);
  const length = output.text.length + output.reasoning.length + calls + partLength(part);
  const dataBytes = current.dataBytes + partBytes(part);
  if (part.type !== 'warning' && !current.parts.includes(part.type)) return breach(state, at, messages.notOfKind);
  if (tokens > room || length > limits.answerLengthMax || dataBytes > current.dataBytesMax) {
    return breach(state, at, messages.tooMuch);
  }
  if (!isLegal(state.job, { type: 'part-received' })) return breach(state, at, messages.outOfTurn);
  const speaks = hasContent(part);
  const next = { ...current, tokens, dataBytes };
  const spoken = speaks ? { ...next, hasSpoken: true, spokeAt: at, isExcused: false } : next;
  const [told, effects] = tell(
    { ...state, current: spoken, ids: addIds(state.ids, part) },
    { type: 'part-received', at, part: withoutKnownCall(part, state.job) },
  );
  const heard = heardFrom(state);
  const wait = speaks ? waitAfterWord(current, heard.length > 0) : none;
  const all: readonly AskerEffect[] = [...heard, ...wait, { type: 'add-output', attempt, part }, ...effects];
  if (!speaks || !told.hedge) return [told, all];
  const [alone, dropped] = dropHedge(told, at);
  return [alone, [...dropped, ...all]];
}

function onTimer(state: AskerState, timer: AskerTimer, at: number): AskerStep {
  switch (timer) {
    case 'deadline':
      if (state.step === 'choosing') {
        return end(state, { type: 'job-failed', at, error: errorOf('deadline'), rejections: [] }, []);
      }
      return conclude(state, { type: 'failed', at, error: errorOf('deadline') }, 'deadline');
    case 'settle':
      return conclude(state, { type: 'cancelled', at }, 'cancelled');
    case 'successor':
      return prepareSuccessor(state);
    case 'hedge':
      return [state, mayHedge(state) ? [{ type: 'hedge', ...nextOf(state) }] : none];
    default:
      return conclude(state, { type: 'lost', at, error: overdueError(timer) }, 'peer-lost');
  }
}

/** Dialling takes longer than anything else between the loss of a worker and the next token. */
const prepareSuccessor = (state: AskerState): AskerStep =>
  state.step === 'open' && !state.isStopping ? [state, [{ type: 'prepare', ...nextOf(state) }]] : [state, none];

/** The user has stopped the job: the worker is sent `cancel` and may still settle. */
function stop(state: AskerState, at: number): AskerStep {
  if (state.isStopping) return [state, none];
  const [alone, dropped] = dropHedge(state, at);
  const stopping = { ...alone, isStopping: true };
  const { current } = state;
  if (state.step === 'choosing' || !current) return end(stopping, { type: 'job-cancelled', at }, []);
  if (state.step === 'opening') return conclude(stopping, { type: 'cancelled', at }, 'cancelled');
  if (state.step === 'settling') return [stopping, dropped];
  const { attempt } = current;
  return [
    stopping,
    [
      ...dropped,
      ...expectNothing,
      { type: 'remember-stopped', job: current.job, worker: current.worker.peer },
      { type: 'send', attempt, frame: { t: 'cancel', jobId: current.job.id } },
      { type: 'arm', timer: 'settle', ms: limits.settleTimeoutMs },
    ],
  ];
}

/** There is no reader any more: the worker is sent `cancel`, and is not waited for. */
function leave(state: AskerState, at: number): AskerStep {
  if (!state.current || state.step === 'choosing') return end(state, { type: 'job-cancelled', at }, []);
  return conclude({ ...state, isStopping: true }, { type: 'cancelled', at }, 'cancelled');
}

const wasEmpty = ({ details }: ErrorRecord): boolean => details?.['reason'] === 'empty';
