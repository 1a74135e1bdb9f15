import type { ErrorRecord } from '#lib/base/errors.ts';
import type { Phase } from '#lib/protocol/frame.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { AskerEffect, AskerState, AskerTimer, Current } from './asker-spec.ts';

/*
 * What an asker waits for at each stage of an attempt, and for how long: a queue that moves, a first word, the next word, any
 * frame at all. Each wait is one timer; a frame arms and disarms the ones that it answers.
 */

/** Including dialling: a worker that cannot be reached within this time is passed over. */
export const openTimeoutMs = 10_000;
/** An answer that takes longer than this is worth a second connection. */
export const successorDelayMs = 500;
/**
 * A job that has been tried already is sent over a relay if no direct connection comes within this time; dialling goes on
 * behind it. The pause between two attempts of RFC 8305 ("Happy Eyeballs", 2017).
 */
export const directHeadStartMs = 250;
/** A queue that moves at less than half its promised pace is left; short promises get some slack. */
const queueFactor = 2;
const queueMsMin = 6_000;
/** Past the worker's own deadline, for its last frame to arrive. */
export const deadlineGraceMs = 1_000;

const none: readonly AskerEffect[] = [];

/** The timers whose firing means that the worker is lost, each with the reason that its error gives. */
const overdue = {
  open: ['unreached', 'The peer could not be reached in time. Try another peer.'],
  accept: ['unanswered', 'The peer did not answer in time. Try another peer.'],
  silence: ['silent', 'The peer has stopped responding. Try again.'],
  'first-word': ['wordless', 'The peer took the job and sent nothing. Try again.'],
  stall: ['halted', 'The peer stopped in the middle of the answer. Try again.'],
  queue: ['stalled', 'The queue of the peer does not move. Try another peer.'],
} as const satisfies Partial<Record<AskerTimer, readonly [reason: string, message: string]>>;

type OverdueTimer = keyof typeof overdue;

/** The error of a worker whose timer has fired. */
export function overdueError(timer: OverdueTimer): ErrorRecord {
  const [reason, message] = overdue[timer];
  return { code: 'peer-lost', message, details: { reason } };
}

/** Nothing more is expected of the worker. */
export const expectNothing: readonly AskerEffect[] = disarmed(
  'accept',
  'queue',
  'silence',
  'first-word',
  'stall',
  'successor',
  'hedge',
);

/** The reader is behind: what is not read cannot be overdue. */
export const suspendWaits: readonly AskerEffect[] = disarmed('silence', 'first-word', 'stall');

function disarmed(...timers: readonly AskerTimer[]): readonly AskerEffect[] {
  return timers.map((timer) => ({ type: 'disarm', timer }));
}

const hearing: readonly AskerEffect[] = [{ type: 'arm', timer: 'silence', ms: limits.silenceTimeoutMs }];
const hearingFirst: readonly AskerEffect[] = [{ type: 'disarm', timer: 'accept' }, ...hearing];

/**
 * A frame has arrived: the silence timer starts anew, unless the worker settles or the reader is paused. One that is only a
 * sign of life does not take the place of the acceptance that is waited for.
 */
export function heardFrom(
  { current, isStopping, isPaused }: AskerState,
  frame: 'any' | 'sign-of-life' = 'any',
): readonly AskerEffect[] {
  if (isStopping || isPaused || (frame === 'sign-of-life' && current?.acceptedFrames === 0)) return none;
  return current && current.acceptedFrames > 0 ? hearing : hearingFirst;
}

/** The reader has caught up: what was suspended starts anew. */
export function listenAgain({ current, isStopping }: AskerState): readonly AskerEffect[] {
  if (!current || isStopping || current.acceptedFrames === 0) return none;
  if (current.hasSpoken) return [...hearing, nextWord(current)];
  return current.hasSlot ? [...hearing, firstWord(current)] : hearing;
}

/** The first `accepted` promises the length of the queue; the job waits there no longer than is believed. */
export function waitAfter(
  { position, etaMs }: { readonly position: number; readonly etaMs: number },
  { hasSlot, acceptedFrames }: Current,
  next: Current,
): readonly AskerEffect[] {
  if (position === 0) {
    if (hasSlot) return none;
    // A worker that had a queue has others to serve, and so may the next one.
    const hedge = acceptedFrames === 0 && next.hedgeAfterMs !== undefined;
    const hedging = { type: 'arm', timer: 'hedge', ms: next.hedgeAfterMs ?? 0 } as const;
    return [{ type: 'disarm', timer: 'queue' }, firstWord(next), ...(hedge ? [hedging] : [])];
  }
  if (!next.doubt || acceptedFrames > 0) return none;
  const believedMs = Math.max(queueMsMin, etaMs * queueFactor);
  return [{ type: 'arm', timer: 'queue', ms: Math.min(next.doubt.queueMsMax, believedMs) }];
}

/** A part with content has arrived, after `before`. */
export function waitAfterWord(before: Current, isListening: boolean): readonly AskerEffect[] {
  const first = before.hasSpoken ? none : disarmed('first-word', 'queue');
  return isListening ? [...first, nextWord(before)] : first;
}

/**
 * `alive` with a phase that yields no output: once in each pause, the worker gets as long as for its first part, counted from
 * its last one. Before the first part that is how long it has anyway. Undefined: it changes nothing.
 */
export function excuse(current: Current, phase: Phase | undefined, at: number): AskerEffect | undefined {
  if (!isBusyUnseen(phase) || !current.hasSpoken || current.isExcused) return undefined;
  return { type: 'arm', timer: 'stall', ms: Math.max(0, current.firstPartTimeoutMs - (at - current.spokeAt)) };
}

const firstWord = ({ firstPartTimeoutMs }: Current): AskerEffect => ({
  type: 'arm',
  timer: 'first-word',
  ms: firstPartTimeoutMs,
});

const nextWord = ({ stallTimeoutMs }: Current): AskerEffect => ({ type: 'arm', timer: 'stall', ms: stallTimeoutMs });

/** Phases that yield no output for a while; an unknown phase counts as one of these. */
const isBusyUnseen = (phase: Phase | undefined): boolean =>
  phase !== undefined && phase !== 'streaming' && phase !== 'queued';
