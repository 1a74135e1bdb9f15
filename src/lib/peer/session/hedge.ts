import { hasContent } from '#lib/protocol/output.ts';
import type {
  AskerEffect,
  AskerEvent,
  AskerState,
  AskerStep,
  ChannelEvent,
  ChosenWorker,
  Hedge,
} from './asker-spec.ts';
import { errorEnd, refusedEnd, type AttemptEnd } from './attempt-end.ts';

/*
 * Hedging (J. Dean and L. A. Barroso, "The tail at scale", 2013): where the first word is later than nearly all others were, a
 * second worker is asked, and the first of the two to speak gives the answer.
 */

/** Frames that a second worker may send before its first word; one that sends more is let go. */
const heardMax = 64;

const none: readonly AskerEffect[] = [];

/** Nothing was delivered, no worker has failed, and the one that is asked has a slot and has not spoken. */
export const mayHedge = ({ step, current, hedge, errors, isStopping }: AskerState): boolean =>
  step === 'open' && current?.hasSpoken === false && !hedge && !isStopping && errors.length === 0;

/** A second worker has been found; it may be too late for it by now. */
export function startHedge(state: AskerState, chosen: ChosenWorker): AskerStep {
  const { at, job, worker } = chosen;
  const attempt = state.attempt + 1;
  const given: AskerState = { ...state, attempt };
  if (!mayHedge(state)) return [given, [{ type: 'record', attempt, worker, end: { type: 'cancelled', at } }]];
  const hedge: Hedge = { attempt, chosen, heard: [] };
  return [{ ...given, hedge, tried: [...state.tried, worker.peer] }, [{ type: 'open', attempt, job, worker }]];
}

/** Lets the second worker go, if there is one; by default without blame. */
export function dropHedge(state: AskerState, at: number, end: AttemptEnd = { type: 'cancelled', at }): AskerStep {
  if (!state.hedge) return [state, none];
  const { attempt, chosen } = state.hedge;
  const { job, worker } = chosen;
  const alone: AskerState = { ...state, hedge: undefined };
  const dropped: AskerEffect = { type: 'drop', attempt, code: 'cancelled' };
  if (end.type === 'refused' && end.claim === 'request') {
    return [{ ...alone, claims: [...state.claims, { attempt, worker, end }] }, [dropped]];
  }
  const stopped: readonly AskerEffect[] =
    end.type === 'cancelled'
      ? [
          { type: 'remember-stopped', job, worker: worker.peer },
          { type: 'send', attempt, frame: { t: 'cancel', jobId: job.id } },
        ]
      : none;
  return [alone, [...stopped, dropped, { type: 'record', attempt, worker, end }]];
}

export type Heard =
  | { readonly type: 'kept' | 'spoke'; readonly hedge: Hedge }
  /** Undefined: it is let go without blame. */
  | { readonly type: 'over'; readonly end: AttemptEnd | undefined };

/** What an event on the second worker's channel means for it. */
export function hearHedge(hedge: Hedge, event: ChannelEvent): Heard {
  const { at } = event;
  switch (event.type) {
    case 'opened':
      return keep(hedge, event);
    case 'unopened':
      if (event.fault === 'own') return { type: 'over', end: { type: 'failed', at, error: event.error } };
      if (event.fault === 'way') return { type: 'over', end: { type: 'lost', at, error: event.error } };
      return { type: 'over', end: { type: 'refused', at, error: event.error, claim: 'none' } };
    case 'lost':
      return { type: 'over', end: { type: 'lost', at, error: event.error } };
    case 'frame':
      return hearFrame(hedge, event);
    case 'doubted':
    case 'settled':
    case 'checked':
    // Only free jobs are hedged.
    case 'promised':
    case 'purse-failed':
      return { type: 'kept', hedge };
  }
}

function hearFrame(hedge: Hedge, event: Extract<AskerEvent, { type: 'frame' }>): Heard {
  const { at, frame, late } = event;
  switch (frame.t) {
    case 'part':
      return keep(hedge, event, hasContent(frame.part) ? 'spoke' : 'kept');
    case 'accepted':
      // It has others to serve.
      return frame.position > 0 ? { type: 'over', end: undefined } : keep(hedge, event);
    case 'checkpoint':
      return keep(hedge, event);
    case 'alive':
    case 'unknown':
      return { type: 'kept', hedge };
    case 'refused':
      return { type: 'over', end: refusedEnd(frame, at) };
    case 'error':
      return { type: 'over', end: errorEnd(frame, { at, begun: false, resumed: false, late }) };
    case 'finish':
      // An empty answer is no reason to take the other one's turn.
      return { type: 'over', end: undefined };
  }
}

function keep(hedge: Hedge, event: ChannelEvent, type: 'kept' | 'spoke' = 'kept'): Heard {
  if (hedge.heard.length >= heardMax) return { type: 'over', end: undefined };
  return { type, hedge: { ...hedge, heard: [...hedge.heard, event] } };
}
