import type { ErrorRecord } from '#lib/base/errors.ts';
import type { Clock } from '#lib/base/clock.ts';
import type { Directory } from '#lib/market/spec.ts';
import type { Net } from '#lib/net/spec.ts';
import type { Payment } from '#lib/pay/ports.ts';
import type { JobId, PeerId } from '#lib/protocol/ids.ts';
import type { Job } from '#lib/protocol/job.ts';
import type { KindTable } from '#lib/protocol/kinds/table.ts';
import type { Price } from '#lib/protocol/price.ts';
import type { ReceiptBook } from '../receipt-book.ts';
import type { DeliveredBefore, JobEvent, WorkerView } from '../spec.ts';
import type { Terms } from './asker-account.ts';
import type { AskerEffect, AskerState, Doubt } from './asker-spec.ts';
import type { AttemptEnd } from './attempt-end.ts';
import type { Attempt } from './attempt.ts';
import type { JobState } from './job-state.ts';

/** A worker that was chosen, and what is agreed with it. */
export interface Chosen {
  readonly job: Job;
  readonly worker: WorkerView;
  readonly addrs: readonly string[];
  readonly price: Price;
  /** Left out where it is free. */
  readonly paying?: { readonly payment: Payment; readonly terms: Terms } | undefined;
  readonly expectedFirstPartMs: number;
  readonly firstPartTimeoutMs: number;
  readonly doubt?: Doubt | undefined;
  readonly stallTimeoutMs: number;
  readonly hedgeAfterMs?: number | undefined;
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
  /** What an earlier job has delivered of the answer. */
  readonly after?: DeliveredBefore | undefined;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  /** Finds the next worker for what the job has come to. May take its time; stops with the signal. */
  readonly choose: (
    state: AskerState,
    effect: Extract<AskerEffect, { type: 'choose' }>,
    signal: AbortSignal,
  ) => Promise<Choosing>;
  /** Opens a channel to the worker that would be asked next. Undefined where there is none, or no need. */
  readonly prepare: (
    state: AskerState,
    effect: Extract<AskerEffect, { type: 'prepare' }>,
    signal: AbortSignal,
  ) => Promise<PeerId | undefined>;
  /** Finds a second worker for a job whose first one is late. Undefined where there is none, or may be none. */
  readonly hedge: (state: AskerState, effect: Extract<AskerEffect, { type: 'hedge' }>) => Chosen | undefined;
  readonly rememberStopped: (id: JobId, worker: PeerId) => void;
  readonly record: (worker: WorkerView, end: AttemptEnd, seen: AttemptSeen) => void;
}

/** What the asker saw of an attempt, for the worker's track record. */
export interface AttemptSeen {
  readonly job: JobState;
  readonly attempt: Attempt | undefined;
  readonly expectedFirstPartMs?: number | undefined;
  /** How late the asker's own timers were: what it did not read in time may have come in time. */
  readonly latenessMs: number;
}
