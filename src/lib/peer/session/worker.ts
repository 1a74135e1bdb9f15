import { limits } from '#lib/protocol/limits.ts';
import { hasContent, partTokens } from '#lib/protocol/output.ts';
import type { Part } from '#lib/protocol/part.ts';
import { askFor, openAccount } from './worker-account.ts';
import { badFile, end, errorOf, failureFrame, sign, stop, unpaid } from './worker-end.ts';
import { collect, refusePayment, start, takePaidPart, takePayment, takeSlot } from './worker-paid.ts';
import {
  isAdmitted,
  type WorkerEffect,
  type WorkerEvent,
  type WorkerState,
  type WorkerStep,
  type WorkerTimer,
} from './worker-spec.ts';

const none: readonly WorkerEffect[] = [];

export function reduceWorker(state: WorkerState, event: WorkerEvent): WorkerStep {
  switch (event.type) {
    case 'opened':
      return state.phase === 'new' ? open(state, event) : [state, none];
    case 'followed':
      return [{ ...state, followers: state.followers + 1 }, none];
    case 'left': {
      const followers = state.followers - 1;
      const left = { ...state, followers };
      // The work is done: the asker may come back on another channel and pay for it.
      if (state.phase === 'collecting') return [left, none];
      return followers > 0 ? [left, none] : stop(left, errorOf('peer-lost', 'The asker has left.'));
    }
    case 'file':
      return state.phase === 'files' ? takeFile(state, event) : [state, none];
    case 'placed':
      if (state.phase !== 'queued') return [state, none];
      if (event.place.position > 0) return [{ ...state, place: event.place }, [{ type: 'wake' }]];
      return state.account
        ? takeSlot({ ...state, place: event.place }, state.account)
        : start({ ...state, place: event.place });
    case 'dismissed':
      return stop(state, event.error);
    case 'part':
      return state.phase === 'running' ? takePart(state, event.part) : [state, none];
    case 'ran':
      if (state.phase !== 'running') return [state, none];
      return state.account ? collect(state, state.account, event.result) : sign(state, event.result);
    case 'failed':
      if (state.phase !== 'running' && state.phase !== 'signing') return [state, none];
      return end(state, failureFrame('error', event.error), { type: 'failed', error: event.error });
    case 'signed':
      if (state.phase !== 'signing') return [state, none];
      return end(state, event.frame, state.hasBegun ? { type: 'done', result: event.result } : { type: 'never-begun' });
    case 'stop':
      return stop(state, event.error);
    case 'admitted':
    case 'paid':
      return state.account ? takePayment(state, state.account, event) : [state, none];
    case 'unpayable':
      return refusePayment(state, event.error);
    case 'timer':
      return onTimer(state, event.timer);
  }
}

function open(
  state: WorkerState,
  { files, place, deadlineMs, charge }: Extract<WorkerEvent, { type: 'opened' }>,
): WorkerStep {
  const deadline = { type: 'arm', timer: 'deadline', ms: deadlineMs } as const;
  const account = charge && openAccount(charge);
  const till: readonly WorkerEffect[] = charge ? [{ type: 'open-till' }] : none;
  const next: WorkerState = { ...state, place, files, account };
  if (files.length > 0) {
    const filesDue = { type: 'arm', timer: 'files', ms: limits.blobTimeoutMs } as const;
    return [{ ...next, phase: 'files' }, [deadline, filesDue, ...till]];
  }
  if (charge) return [{ ...next, phase: 'admitting' }, [deadline, ...till]];
  return [{ ...next, phase: 'queued' }, [deadline, { type: 'enter-queue' }]];
}

function takeFile(
  state: WorkerState,
  { sha256, sizeBytes, intact }: Extract<WorkerEvent, { type: 'file' }>,
): WorkerStep {
  const [file, ...others] = state.files;
  if (!file || file.sha256 !== sha256 || sizeBytes > file.sizeBytes) return stop(state, badFile);
  const left = file.sizeBytes - sizeBytes;
  if (left > 0) return [{ ...state, files: [{ ...file, sizeBytes: left }, ...others] }, none];
  if (!intact) return stop(state, badFile);
  if (others.length > 0) return [{ ...state, files: others }, none];
  const complete: WorkerEffect = { type: 'disarm', timer: 'files' };
  if (!isAdmitted(state)) return [{ ...state, phase: 'admitting', files: [] }, [complete]];
  return [{ ...state, phase: 'queued', files: [] }, [complete, { type: 'enter-queue' }]];
}

function takePart(state: WorkerState, part: Part): WorkerStep {
  const tokensOut = state.tokensOut + partTokens(part);
  const next = { ...state, tokensOut, hasSpoken: state.hasSpoken || hasContent(part) };
  const append: WorkerEffect = { type: 'append', frame: { t: 'part', part } };
  if (state.account) return takePaidPart(state, state.account, { next, append });
  if (tokensOut - state.signedTokens >= limits.checkpointTokens) {
    return [
      { ...next, signedTokens: tokensOut },
      [append, { type: 'sign-checkpoint' }, { type: 'disarm', timer: 'checkpoint' }],
    ];
  }
  const isFirstUnsigned = state.tokensOut === state.signedTokens && tokensOut > state.tokensOut;
  return [
    next,
    isFirstUnsigned ? [append, { type: 'arm', timer: 'checkpoint', ms: limits.checkpointIntervalMs }] : [append],
  ];
}

function onTimer(state: WorkerState, timer: WorkerTimer): WorkerStep {
  switch (timer) {
    case 'deadline':
      return stop(state, errorOf('deadline'));
    case 'files':
      return state.phase === 'files'
        ? stop(state, errorOf('deadline', 'The files did not come in time. Send the job again.'))
        : [state, none];
    case 'checkpoint':
      if (state.phase !== 'running' || state.tokensOut === state.signedTokens) return [state, none];
      return [
        {
          ...state,
          signedTokens: state.tokensOut,
          account: state.account && askFor(state.account, state.tokensOut),
        },
        [{ type: 'sign-checkpoint' }],
      ];
    case 'unpaid':
      return stop(state, unpaid);
  }
}
