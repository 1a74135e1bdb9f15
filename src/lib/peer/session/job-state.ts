import type { ErrorRecord } from '#lib/base/errors.ts';
import type { Rejection } from '#lib/market/spec.ts';
import type { ChannelPath } from '#lib/net/spec.ts';
import type { Job } from '#lib/protocol/job.ts';
import { emptyOutput, foldOutput, hasContent, type Output } from '#lib/protocol/output.ts';
import type { FinishReason, Usage } from '#lib/protocol/part.ts';
import { closeAttempt, extendAttempt, openAttempt, usageOf, type Attempt } from './attempt.ts';
import type { JobEvent, Settlement, WorkerView } from '../spec.ts';

/**
 * A job as its asker sees it. `text` and `tokens` are everything delivered so far by all workers: a job that is resumed
 * elsewhere starts from these two.
 */
export interface JobState {
  readonly phase: JobPhase;
  /** Counts the workers tried, from 1; 0 before the first. */
  readonly attempt: number;
  readonly attempts: readonly Attempt[];
  readonly job?: Job | undefined;
  readonly worker?: WorkerView | undefined;
  readonly path?: ChannelPath | undefined;
  /** Position in the worker's queue; 0 when the job runs. Known once accepted. */
  readonly position?: number | undefined;
  readonly etaMs?: number | undefined;
  /** Everything received, including reasoning and tool calls; `text` and `tokens` are taken from it. */
  readonly output: Output;
  readonly text: string;
  readonly tokens: number;
  readonly warnings: readonly ErrorRecord[];
  /** Milliseconds since the epoch, by the asker's clock. */
  readonly startedAt?: number | undefined;
  readonly firstTokenAt?: number | undefined;
  readonly lastTokenAt?: number | undefined;
  readonly endedAt?: number | undefined;
  readonly reason?: FinishReason | undefined;
  /** Of all attempts together; receipts and their checks belong to each attempt. */
  readonly usage?: Usage | undefined;
  /** What was promised so far, as decimal text in the smallest unit of the chain's token. Left out where it is free. */
  readonly cost?: { readonly chain: number; readonly total: string } | undefined;
  /** What of it was promised for the earlier jobs of an answer that goes on. */
  readonly costBefore?: JobState['cost'];
  readonly error?: ErrorRecord | undefined;
  readonly rejections: readonly Rejection[];
}

export type JobPhase = 'routing' | 'opening' | 'queued' | 'streaming' | 'finished' | 'failed' | 'cancelled';

export const initialJob: JobState = {
  phase: 'routing',
  attempt: 0,
  attempts: [],
  output: emptyOutput,
  text: '',
  tokens: 0,
  warnings: [],
  rejections: [],
};

/** An answer that has ended goes on as another job: what has come stays, and every attempt with the job it belongs to. */
export function continueJob(state: JobState): JobState {
  const { job, reason, output, text, tokens, warnings, startedAt, firstTokenAt, lastTokenAt, cost } = state;
  if (!job || !reason) return state;
  const attempts = state.attempts.map((one): Attempt => (one.earlier ? one : { ...one, earlier: { job, reason } }));
  const kept = { attempts, output, text, tokens, warnings, startedAt, firstTokenAt, lastTokenAt };
  return { ...initialJob, ...kept, ...(cost ? { cost, costBefore: cost } : {}) };
}

/** Warnings kept of one job; any further ones are dropped. */
const warningsMax = 16;

export const isOver = ({ phase }: JobState): boolean =>
  phase === 'finished' || phase === 'failed' || phase === 'cancelled';

/** The events that are legal in each phase. Any other returns the very same state object. */
const legal: Readonly<Record<JobPhase, readonly JobEvent['type'][]>> = {
  routing: ['job-routing', 'worker-chosen', 'job-failed', 'job-cancelled'],
  opening: ['channel-opened', 'job-accepted', 'worker-refused', 'worker-lost', 'job-failed', 'job-cancelled'],
  queued: [
    'job-accepted',
    'worker-refused',
    'part-received',
    'checkpoint-received',
    'job-paid',
    'worker-lost',
    'worker-outrun',
    'job-finished',
    'job-failed',
    'job-cancelled',
  ],
  streaming: [
    'part-received',
    'checkpoint-received',
    'job-paid',
    'worker-lost',
    'job-finished',
    'job-failed',
    'job-cancelled',
  ],
  finished: [],
  failed: [],
  cancelled: [],
};

/**
 * Whether the event is legal now. The consumer enforces this table on workers: a frame that would be an illegal event is a
 * protocol violation (`bad-frame`).
 */
export const isLegal = (state: JobState, event: Pick<JobEvent, 'type'>): boolean =>
  legal[state.phase].includes(event.type);

/**
 * The life cycle of a job. Pure; an event that is illegal in this phase is ignored and the very same state returned, so late
 * and repeated events are harmless, and a caller that needs to know compares by identity. A lost worker leads back to
 * `routing`, with text and tokens kept.
 */
export function reduceJob(state: JobState, event: JobEvent): JobState {
  if (!isLegal(state, event)) return state;
  switch (event.type) {
    case 'job-routing':
      return { ...state, attempt: event.attempt, startedAt: state.startedAt ?? event.at };
    case 'worker-chosen':
      return {
        ...withoutWorker(state),
        phase: 'opening',
        job: event.job,
        worker: event.worker,
        attempts: openAttempt(state.attempts, event.worker, state, event.at),
      };
    case 'channel-opened':
      return {
        ...state,
        path: event.path,
        attempts: extendAttempt(state.attempts, { path: event.path, openedAt: event.at }),
      };
    case 'job-accepted':
      return acceptJob(state, event);
    case 'worker-refused':
      return {
        ...withoutWorker(state),
        phase: 'routing',
        attempts: closeAttempt(state.attempts, 'refused', { error: event.error }),
      };
    case 'worker-lost':
      return {
        ...withoutWorker(state),
        phase: 'routing',
        attempts: closeAttempt(state.attempts, 'lost', { error: event.error }),
      };
    case 'worker-outrun':
      return { ...withoutWorker(state), phase: 'routing', attempts: closeAttempt(state.attempts, 'cancelled') };
    case 'checkpoint-received':
      return { ...state, attempts: extendAttempt(state.attempts, { checkpoint: event.checkpoint }) };
    case 'job-paid':
      return { ...state, cost: withCostBefore(state, event) };
    case 'part-received':
      return receivePart(state, event);
    case 'job-finished':
      return { ...settle(state, 'finished', event), phase: 'finished', endedAt: event.at, reason: event.reason };
    case 'job-failed':
      return {
        ...state,
        phase: 'failed',
        endedAt: event.at,
        error: event.error,
        rejections: event.rejections,
        attempts: closeAttempt(state.attempts, 'failed', { error: event.error }),
      };
    case 'job-cancelled':
      return {
        ...settle(state, 'cancelled', event.settlement),
        phase: 'cancelled',
        endedAt: event.at,
        reason: 'cancelled',
      };
  }
}

function acceptJob(state: JobState, { at, position, etaMs }: Extract<JobEvent, { type: 'job-accepted' }>): JobState {
  const attempt = state.attempts.at(-1);
  const attempts = extendAttempt(state.attempts, {
    acceptedAt: attempt?.acceptedAt ?? at,
    startedAt: attempt?.startedAt ?? (position === 0 ? at : undefined),
  });
  return { ...state, phase: 'queued', position, etaMs, attempts };
}

function receivePart(state: JobState, { part, at }: Extract<JobEvent, { type: 'part-received' }>): JobState {
  if (part.type === 'warning') {
    if (state.warnings.length >= warningsMax) return state;
    return { ...state, warnings: [...state.warnings, { code: part.code, message: part.message }] };
  }
  const output = foldOutput(state.output, part);
  const { text, tokens } = output;
  // A part without content does not start the answer.
  const spokeAt = hasContent(part) ? at : undefined;
  return {
    ...state,
    phase: 'streaming',
    output,
    text,
    tokens,
    firstTokenAt: state.firstTokenAt ?? spokeAt,
    lastTokenAt: at,
    attempts: extendAttempt(state.attempts, {
      toCharacter: text.length,
      toToken: tokens,
      firstTokenAt: state.attempts.at(-1)?.firstTokenAt ?? spokeAt,
      lastTokenAt: at,
    }),
  };
}

function settle(state: JobState, outcome: 'finished' | 'cancelled', settled: Settlement | undefined): JobState {
  const settlement = settled && {
    usage: settled.usage,
    receipt: settled.receipt,
    receiptCheck: settled.receiptCheck,
  };
  const attempts = closeAttempt(state.attempts, outcome, settlement ? { settlement } : {});
  return { ...state, attempts, usage: usageOf(attempts) };
}

/** Amounts of two chains are not added. */
function withCostBefore({ costBefore }: JobState, { chain, total }: Extract<JobEvent, { type: 'job-paid' }>) {
  const before = costBefore?.chain === chain ? BigInt(costBefore.total) : 0n;
  return { chain, total: (before + BigInt(total)).toString() };
}

const withoutWorker = (state: JobState): JobState => ({
  ...state,
  worker: undefined,
  path: undefined,
  position: undefined,
  etaMs: undefined,
});
