import type { ErrorRecord } from '#lib/base/errors.ts';
import { limits } from '#lib/protocol/limits.ts';
import {
  admit,
  askFor,
  askForInput,
  askingInterval,
  credit,
  isOver,
  isSettled,
  noteLag,
  type Account,
} from './worker-account.ts';
import { sign, spent, stop, unpaid } from './worker-end.ts';
import {
  isHeld,
  type RunResult,
  type WorkerEffect,
  type WorkerEvent,
  type WorkerState,
  type WorkerStep,
} from './worker-spec.ts';

/*
 * What a paid job has beside a free one: its input is paid before it is read, a chunk at most is unpaid, and what is owed for the
 * last tokens is waited for before the receipt.
 */

const none: readonly WorkerEffect[] = [];

export const start = (state: WorkerState): WorkerStep => [
  { ...state, phase: 'running', hasBegun: true },
  [{ type: 'wake' }, { type: 'start-engine' }],
];

/** No prompt is read before all of its input is paid. */
export function takeSlot(state: WorkerState, before: Account): WorkerStep {
  const account = askForInput(before);
  if (isSettled(account)) return start({ ...state, account });
  // A payment that is too small buys no more time.
  if (account.inputAsked === before.inputAsked) return [{ ...state, account }, none];
  return [
    { ...state, phase: 'input', account, place: { ...state.place } },
    [{ type: 'wake' }, { type: 'arm', timer: 'unpaid', ms: limits.unpaidTimeoutMs }],
  ];
}

export function takePayment(
  state: WorkerState,
  before: Account,
  { type, paid }: Extract<WorkerEvent, { type: 'admitted' | 'paid' }>,
): WorkerStep {
  const account = type === 'admitted' ? admit(before, paid) : credit(before, paid);
  const next: WorkerState = { ...state, account };
  const inTime: WorkerEffect = { type: 'disarm', timer: 'unpaid' };
  switch (state.phase) {
    case 'admitting':
      return [{ ...next, phase: 'queued' }, [{ type: 'wake' }, { type: 'enter-queue' }]];
    case 'input': {
      const [begun, effects] = takeSlot(next, account);
      return begun.phase === 'running' ? [begun, [inTime, ...effects]] : [begun, effects];
    }
    case 'running': {
      const noted = { ...next, account: noteLag(account, state.tokensOut - state.signedTokens) };
      return isHeld(state) && !isHeld(next) ? [noted, [inTime, { type: 'wake' }]] : [noted, none];
    }
    case 'collecting':
      return isSettled(account) ? sign(next, state.result!) : [next, none];
    default:
      return [next, type === 'admitted' ? [{ type: 'wake' }] : none];
  }
}

/** What was delivered and paid is settled with a receipt; before any work, the job is refused. */
export function refusePayment(state: WorkerState, error: ErrorRecord): WorkerStep {
  switch (state.phase) {
    case 'files':
    case 'admitting':
      return stop(state, { code: 'payment-refused', message: error.message });
    case 'input':
    case 'running':
    case 'collecting': {
      const message = error.message.slice(0, limits.errorMessageLengthMax);
      const reason = {
        type: 'append',
        frame: { t: 'part', part: { type: 'warning', code: error.code, message } },
      } as const;
      const [next, effects] = stop(state, unpaid);
      return [next, [reason, ...effects]];
    }
    default:
      return [state, none];
  }
}

/** The slot is free, and what is owed for the last tokens is asked for. */
export function collect(state: WorkerState, before: Account, ran: RunResult): WorkerStep {
  const { usage, reason } = ran;
  const counted = usage.tokensIn > 0 ? usage.tokensIn : before.tokensIn;
  const result: RunResult = { ...ran, usage: { tokensIn: counted, tokensOut: state.tokensOut } };
  const account = askFor(before, state.tokensOut, counted);
  const next: WorkerState = { ...state, account, result, signedTokens: state.tokensOut };
  if (isSettled(account) || reason === 'unpaid' || state.followers === 0) return sign(next, result);
  const isSaid = state.tokensOut === state.signedTokens && account.due === before.due;
  const ms = reason === 'cancelled' ? limits.unpaidAfterCancelMs : limits.unpaidTimeoutMs;
  return [
    { ...next, phase: 'collecting' },
    [
      { type: 'disarm', timer: 'checkpoint' },
      { type: 'leave-queue' },
      ...(isSaid ? [] : [{ type: 'sign-checkpoint' } as const]),
      { type: 'arm', timer: 'unpaid', ms },
      { type: 'wake' },
    ],
  ];
}

/** As a free part, with fewer tokens to a checkpoint. The engine waits where a chunk is unpaid, and ends where the budget does. */
export function takePaidPart(
  state: WorkerState,
  before: Account,
  { next, append }: { readonly next: WorkerState; readonly append: WorkerEffect },
): WorkerStep {
  const { tokensOut } = next;
  if (isOver(before, tokensOut)) {
    return state.stopped ? [state, none] : [{ ...state, stopped: spent }, [{ type: 'stop-engine', error: spent }]];
  }
  const isDue = tokensOut - state.signedTokens >= askingInterval(before);
  const paidFor: WorkerState = isDue ? { ...next, signedTokens: tokensOut, account: askFor(before, tokensOut) } : next;
  const isFirstUnsigned = !isDue && state.tokensOut === state.signedTokens && tokensOut > state.tokensOut;
  const signing: readonly WorkerEffect[] = isDue
    ? [{ type: 'sign-checkpoint' }, { type: 'disarm', timer: 'checkpoint' }]
    : isFirstUnsigned
      ? [{ type: 'arm', timer: 'checkpoint', ms: limits.checkpointIntervalMs }]
      : none;
  const waits = isHeld(paidFor) && !isHeld(state);
  return [
    paidFor,
    waits
      ? [append, ...signing, { type: 'arm', timer: 'unpaid', ms: limits.unpaidTimeoutMs }, { type: 'wake' }]
      : [append, ...signing],
  ];
}
