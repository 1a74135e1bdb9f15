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
import type { AttemptEnd } from './attempt-end.ts';
import type { JobState } from './job-state.ts';
import type { DeliveredIds } from './progress.ts';

/**
 * The asker's side of a job, from the first wish to the last frame, over as many workers as it takes. Pure: events in,
 * state and effects out. `asker-runner.ts` owns the channels, the clock and the reader; nothing of them is seen here.
 */
export interface AskerState {
  /** What has been told, folded. */
  readonly job: JobState;
  readonly ids: DeliveredIds;
  readonly step: 'choosing' | 'opening' | 'open' | 'settling' | 'over';
  /** Counts from 1; 0 before the first worker. Frames of an earlier one are breaches. */
  readonly attempt: number;
  readonly current: Current | undefined;
  readonly tried: readonly PeerId[];
  readonly errors: readonly ErrorRecord[];
  /** Attempts whose workers called the request wrong: judged by how the job ends. */
  readonly claims: readonly Claim[];
  /** The person has stopped it. */
  readonly isStopping: boolean;
  /** The reader is behind, so that nothing is taken from the channel and nothing missed of it. */
  readonly isPaused: boolean;
}

export interface Claim {
  readonly attempt: number;
  readonly worker: WorkerView;
  readonly end: AttemptEnd;
}

/** Where other workers could do the job: what this one is not simply believed. Left out where it is the only one. */
export interface Doubt {
  /** The longest that a wait in its queue is believed in; below that, twice what it promised. */
  readonly queueMsMax: number;
  /** Another worker is asked when this one gives an empty answer. */
  readonly empty: 'ask-another' | 'accept';
}

/** The worker that is asked now, and what it has said. */
export interface Current {
  readonly job: Job;
  readonly worker: WorkerView;
  readonly firstPartTimeoutMs: number;
  readonly doubt: Doubt | undefined;
  readonly stallTimeoutMs: number;
  /** What the job's kind may be answered with. */
  readonly parts: readonly string[];
  readonly dataBytesMax: number;
  /** It was told to stop this very job before, and repeats that end. */
  readonly wasStopped: boolean;
  readonly acceptedFrames: number;
  readonly checkpoints: number;
  readonly tokens: number;
  readonly dataBytes: number;
  readonly unknownFrames: number;
  readonly hasSlot: boolean;
  readonly hasSpoken: boolean;
  /** When it last sent something of the answer. */
  readonly spokeAt: number;
  /** It has since said that it is at work on what it cannot show, and is waited for as for its first word. */
  readonly isExcused: boolean;
}

export type AskerTimer = 'deadline' | 'open' | 'accept' | 'queue' | 'silence' | 'first-word' | 'stall' | 'settle';

type At = { readonly at: number };
export type FinishFrame = Extract<WorkerFrame, { t: 'finish' }>;

export type AskerEvent = At &
  (
    | { readonly type: 'start' }
    | {
        readonly type: 'chosen';
        readonly job: Job;
        readonly worker: WorkerView;
        readonly firstPartTimeoutMs: number;
        readonly doubt?: Doubt | undefined;
        readonly stallTimeoutMs: number;
        readonly parts: readonly string[];
        readonly dataBytesMax: number;
        readonly wasStopped: boolean;
      }
    /** `error` is what to say of it. */
    | { readonly type: 'nobody'; readonly error: ErrorRecord; readonly rejections: readonly Rejection[] }
    | { readonly type: 'opened'; readonly attempt: number; readonly path: ChannelPath }
    /** The way to the worker, or the job itself: `own` when no other worker would help. */
    | { readonly type: 'unopened'; readonly attempt: number; readonly error: ErrorRecord; readonly fault: Fault }
    /** `late`: the job's time is about up by the asker's own clock. */
    | {
        readonly type: 'frame';
        readonly attempt: number;
        readonly frame: WorkerFrame | UnknownFrame;
        readonly late: boolean;
      }
    /** The worker's side has ended, or what came cannot be read, or the channel is gone. */
    | { readonly type: 'lost'; readonly attempt: number; readonly error: ErrorRecord }
    | {
        readonly type: 'settled';
        readonly attempt: number;
        readonly frame: FinishFrame;
        readonly settlement: Settlement;
      }
    | { readonly type: 'checked'; readonly attempt: number; readonly checkpoint: CheckedCheckpoint | undefined }
    | { readonly type: 'timer'; readonly timer: AskerTimer }
    | { readonly type: 'paused' | 'resumed' | 'stop' | 'leave' }
  );

/** `own`: of the request or this device; `way`: of nobody; `refusal`: the worker is not for it. */
export type Fault = 'own' | 'way' | 'refusal';

export type AskerEffect =
  | { readonly type: 'tell'; readonly event: JobEvent }
  | {
      readonly type: 'choose';
      readonly attempt: number;
      readonly tried: readonly PeerId[];
      readonly errors: readonly ErrorRecord[];
      /** What others have delivered already. */
      readonly resume?: Resume | undefined;
    }
  | { readonly type: 'open'; readonly attempt: number; readonly job: Job; readonly worker: WorkerView }
  | { readonly type: 'send'; readonly attempt: number; readonly frame: AskerFrame }
  /** It has been told to stop: the same id asked again repeats that end. */
  | { readonly type: 'remember-stopped'; readonly job: Job; readonly worker: PeerId }
  | { readonly type: 'add-output'; readonly attempt: number; readonly part: Part }
  | { readonly type: 'check'; readonly attempt: number; readonly envelope: Envelope }
  | { readonly type: 'settle'; readonly attempt: number; readonly frame: FinishFrame }
  /** Says the last word, if there is one, and ends this side; the worker has a moment to end its own. */
  | { readonly type: 'close'; readonly attempt: number; readonly last?: AskerFrame | undefined }
  | { readonly type: 'drop'; readonly attempt: number; readonly code: WireErrorCode }
  | { readonly type: 'record'; readonly attempt: number; readonly worker: WorkerView; readonly end: AttemptEnd }
  | { readonly type: 'arm'; readonly timer: AskerTimer; readonly ms: number }
  | { readonly type: 'disarm'; readonly timer: AskerTimer }
  | { readonly type: 'end' };

export type AskerStep = readonly [state: AskerState, effects: readonly AskerEffect[]];
