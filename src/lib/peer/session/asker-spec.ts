import type { ErrorRecord } from '#lib/base/errors.ts';
import type { Rejection } from '#lib/market/spec.ts';
import type { ChannelPath } from '#lib/net/spec.ts';
import type { Envelope } from '#lib/protocol/envelope.ts';
import type { WireErrorCode } from '#lib/protocol/errors.ts';
import type { AskerFrame, UnknownFrame, WorkerFrame } from '#lib/protocol/frame.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { Job, Resume } from '#lib/protocol/job.ts';
import type { Part } from '#lib/protocol/part.ts';
import type { CheckedCheckpoint, JobEvent, Settlement, WorkerView } from '../spec.ts';
import type { AskerAccount, Terms } from './asker-account.ts';
import type { CheckpointClaim } from './asker-paid.ts';
import type { AttemptEnd, FinishFrame } from './attempt-end.ts';
import type { JobState } from './job-state.ts';
import type { DeliveredIds } from './progress.ts';

/**
 * The asker's side of a job, from the request to the last frame, over as many workers as it takes. Pure: events in, state
 * and effects out. `asker-runner.ts` owns the channels, the clock and the reader; none of them appears here.
 */
export interface AskerState {
  /** The events emitted so far, folded. */
  readonly job: JobState;
  readonly ids: DeliveredIds;
  readonly step: 'choosing' | 'opening' | 'open' | 'settling' | 'over';
  /** Counts every worker that was asked, from 1; 0 before the first. */
  readonly attempt: number;
  /** Those of them that the job's events tell of, in order. */
  readonly shown: readonly number[];
  readonly current: Current | undefined;
  readonly hedge: Hedge | undefined;
  readonly tried: readonly PeerId[];
  readonly errors: readonly ErrorRecord[];
  /** A channel is kept ready to this worker, should the present one be lost. */
  readonly successor: PeerId | undefined;
  /** Attempts whose workers claimed that the request is at fault: recorded once the job has ended. */
  readonly claims: readonly BlameClaim[];
  /** What the attempts that have ended cost, in the smallest unit. */
  readonly spent: bigint;
  /** The user has stopped it. */
  readonly isStopping: boolean;
  /** The reader is behind, so the channel is not read and no frame is overdue. */
  readonly isPaused: boolean;
}

export interface BlameClaim {
  readonly attempt: number;
  readonly worker: WorkerView;
  readonly end: AttemptEnd;
}

/** What is not taken on the worker's word if others could do the job; left out if it is the only one. */
export interface Doubt {
  /** The longest time it may keep the job in its queue; below that, twice what it promised. */
  readonly queueMsMax: number;
  /** Another worker is asked if this one gives an empty answer. */
  readonly empty: 'ask-another' | 'accept';
}

/** The worker that is asked now, and what it has sent. */
export interface Current {
  readonly attempt: number;
  readonly job: Job;
  readonly worker: WorkerView;
  readonly firstPartTimeoutMs: number;
  readonly doubt: Doubt | undefined;
  readonly stallTimeoutMs: number;
  /** Without a word by then, a second worker may be asked. */
  readonly hedgeAfterMs: number | undefined;
  /** The part types that may answer the job's kind. */
  readonly parts: readonly string[];
  readonly dataBytesMax: number;
  /** It was sent `cancel` for this same job before, and repeats that end. */
  readonly wasStopped: boolean;
  /** The money of a paid job. */
  readonly account: AskerAccount | undefined;
  readonly acceptedFrames: number;
  readonly checkpoints: number;
  readonly tokens: number;
  readonly dataBytes: number;
  readonly unknownFrames: number;
  readonly hasSlot: boolean;
  readonly hasSpoken: boolean;
  /** When it last sent a part of the answer. */
  readonly spokeAt: number;
  /** It has reported work that yields no output since, and may take as long as to its first part. */
  readonly isExcused: boolean;
}

/**
 * A second worker of the same job, asked because the first is late with its first word. What it does is kept and not told
 * until it takes the first one's place.
 */
export interface Hedge {
  readonly attempt: number;
  readonly chosen: ChosenWorker;
  readonly heard: readonly ChannelEvent[];
}

export type AskerTimer =
  'deadline' | 'open' | 'accept' | 'queue' | 'silence' | 'first-word' | 'stall' | 'settle' | 'successor' | 'hedge';

type At = { readonly at: number };

export type AskerEvent = At &
  (
    | { readonly type: 'start' }
    /** `hedged`: as a second worker, beside the one that is asked. */
    | ({ readonly type: 'chosen' | 'hedged' } & ChosenWorker)
    /** `error` describes it. */
    | { readonly type: 'nobody'; readonly error: ErrorRecord; readonly rejections: readonly Rejection[] }
    | { readonly type: 'opened'; readonly attempt: number; readonly path: ChannelPath }
    /** `own`: no other worker would help. */
    | { readonly type: 'unopened'; readonly attempt: number; readonly error: ErrorRecord; readonly fault: Fault }
    /** `late`: the job's time is nearly up by the asker's own clock. */
    | {
        readonly type: 'frame';
        readonly attempt: number;
        readonly frame: WorkerFrame | UnknownFrame;
        readonly late: boolean;
      }
    /** The worker's offer has gone: it may be closing, or only its relay. */
    | { readonly type: 'doubted'; readonly attempt: number }
    | { readonly type: 'prepared'; readonly worker: PeerId }
    /** The worker has closed its side, or sent something unreadable, or the channel is lost. */
    | { readonly type: 'lost'; readonly attempt: number; readonly error: ErrorRecord }
    | {
        readonly type: 'settled';
        readonly attempt: number;
        readonly frame: FinishFrame;
        readonly settlement: Settlement;
      }
    | {
        readonly type: 'checked';
        readonly attempt: number;
        readonly checkpoint: CheckedCheckpoint | undefined;
        readonly claim?: CheckpointClaim | undefined;
      }
    /** The purse has stored its promise of `total`. */
    | { readonly type: 'promised'; readonly attempt: number; readonly total: bigint; readonly voucher: Uint8Array }
    | { readonly type: 'purse-failed'; readonly attempt: number; readonly error: ErrorRecord }
    | { readonly type: 'timer'; readonly timer: AskerTimer }
    | { readonly type: 'paused' | 'resumed' | 'stop' | 'leave' }
  );

export type ChannelEvent = Extract<AskerEvent, { attempt: number }>;

export interface ChosenWorker {
  /** When it was chosen. */
  readonly at: number;
  readonly job: Job;
  readonly worker: WorkerView;
  readonly firstPartTimeoutMs: number;
  readonly doubt?: Doubt | undefined;
  readonly stallTimeoutMs: number;
  readonly hedgeAfterMs?: number | undefined;
  /** Left out where it is free. */
  readonly terms?: Terms | undefined;
  readonly parts: readonly string[];
  readonly dataBytesMax: number;
  readonly wasStopped: boolean;
}

/** `own`: the request or this device; `way`: the connection; `refusal`: the worker does not take the job. */
export type Fault = 'own' | 'way' | 'refusal';

export type AskerEffect =
  | { readonly type: 'tell'; readonly event: JobEvent }
  | ({ readonly type: 'choose'; readonly attempt: number; readonly errors: readonly ErrorRecord[] } & Next)
  /** Opens a channel to the worker that would be asked next. */
  | ({ readonly type: 'prepare' } & Next)
  /** Finds a second worker, if there may be one. */
  | ({ readonly type: 'hedge' } & Next)
  | { readonly type: 'open'; readonly attempt: number; readonly job: Job; readonly worker: WorkerView }
  | { readonly type: 'send'; readonly attempt: number; readonly frame: AskerFrame }
  /** It was sent `cancel`: asked for the same id again, it repeats that end. */
  | { readonly type: 'remember-stopped'; readonly job: Job; readonly worker: PeerId }
  | { readonly type: 'add-output'; readonly attempt: number; readonly part: Part }
  | { readonly type: 'check'; readonly attempt: number; readonly envelope: Envelope }
  | { readonly type: 'settle'; readonly attempt: number; readonly frame: FinishFrame }
  /** Sends the last frame, if there is one, and closes this side; the worker has a moment to close its own. */
  | { readonly type: 'close'; readonly attempt: number; readonly last?: AskerFrame | undefined }
  | { readonly type: 'drop'; readonly attempt: number; readonly code: WireErrorCode }
  | { readonly type: 'record'; readonly attempt: number; readonly worker: WorkerView; readonly end: AttemptEnd }
  /** Promises so much for the job in all. */
  | { readonly type: 'promise'; readonly attempt: number; readonly total: bigint }
  /** The attempt pays no more. */
  | { readonly type: 'end-payment'; readonly attempt: number; readonly channel?: 'doubted' | 'refused' }
  | { readonly type: 'arm'; readonly timer: AskerTimer; readonly ms: number }
  | { readonly type: 'disarm'; readonly timer: AskerTimer }
  | { readonly type: 'end' };

/** What the next worker is chosen for. */
export interface Next {
  readonly tried: readonly PeerId[];
  /** What other workers have delivered already. */
  readonly resume?: Resume | undefined;
}

export type AskerStep = readonly [state: AskerState, effects: readonly AskerEffect[]];
