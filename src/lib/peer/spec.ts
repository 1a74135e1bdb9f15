import type { ErrorRecord } from '#lib/base/errors.ts';
import type { Startable } from '#lib/base/startable.ts';
import type { LoadedModel } from '#lib/engine/spec.ts';
import type { Route } from '#lib/market/route.ts';
import type { PassReason, Rejection, RouteQuery } from '#lib/market/spec.ts';
import type { ChannelPath } from '#lib/net/spec.ts';
import type { Envelope } from '#lib/protocol/envelope.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { Job, Tier, Work } from '#lib/protocol/job.ts';
import type { Measured, Offer } from '#lib/protocol/offer.ts';
import type { FinishReason, Part, Usage } from '#lib/protocol/part.ts';
import type { SignedReceipt } from '#lib/protocol/receipt.ts';

/** A request before a worker has been chosen for it. */
export type AskRequest = Work & AskTerms;

export interface AskTerms {
  /** Chosen by the caller where it must be idempotent (gateway); made otherwise. */
  readonly id?: string | undefined;
  readonly model: RouteQuery['model'];
  readonly tier: Tier;
  readonly deadlineMs?: number | undefined;
  /** The files that the input names, by their SHA-256. */
  readonly blobs?: ReadonlyMap<string, Uint8Array> | undefined;
  /** Only these peers: `[self]` keeps the job on this device. */
  readonly only?: readonly PeerId[] | undefined;
}

/**
 * What happens to a job, in order. The state a page shows is a fold of these with `reduceJob` of `session/job-state.ts`:
 * consumer, page and gateway run the same reducer.
 */
export type JobEvent =
  | { readonly type: 'job-routing'; readonly at: number; readonly attempt: number }
  | { readonly type: 'worker-chosen'; readonly at: number; readonly job: Job; readonly worker: WorkerView }
  | { readonly type: 'channel-opened'; readonly at: number; readonly path: ChannelPath }
  | { readonly type: 'job-accepted'; readonly at: number; readonly position: number; readonly etaMs: number }
  | { readonly type: 'worker-refused'; readonly at: number; readonly error: ErrorRecord }
  | { readonly type: 'part-received'; readonly at: number; readonly part: Part }
  /** The worker has signed for what it sent so far, and the signature holds. */
  | { readonly type: 'checkpoint-received'; readonly at: number; readonly checkpoint: CheckedCheckpoint }
  | { readonly type: 'worker-lost'; readonly at: number; readonly error: ErrorRecord }
  | {
      readonly type: 'job-finished';
      readonly at: number;
      readonly reason: FinishReason;
      readonly usage: Usage;
      readonly receipt: SignedReceipt;
      /** Whether the asker checked both the signature and that the content is what it received. */
      readonly receiptCheck: ReceiptCheck;
    }
  | {
      readonly type: 'job-failed';
      readonly at: number;
      readonly error: ErrorRecord;
      readonly rejections: readonly Rejection[];
    }
  | {
      readonly type: 'job-cancelled';
      readonly at: number;
      /** What the worker settled for; missing when it had not answered yet, or did not say in time. */
      readonly settlement?: Settlement | undefined;
    };

/** The worker's last word on a job that was stopped: what it delivered, signed. */
export interface Settlement {
  readonly usage: Usage;
  readonly receipt: SignedReceipt;
  readonly receiptCheck: ReceiptCheck;
  /** Its worker has signed another one after the same receipt. */
  readonly forked?: true | undefined;
}

/** A checkpoint that was held against what had arrived. */
export interface CheckedCheckpoint {
  readonly envelope: Envelope;
  /** Tokens of this worker that it speaks for. */
  readonly tokensOut: number;
}

/** The checks of a receipt, one by one; never one tick for several claims. */
export interface ReceiptCheck {
  readonly signature: boolean;
  readonly worker: boolean;
  readonly prompt: boolean;
  readonly output: boolean;
  readonly counts: boolean;
}

/** Who answers, as shown beside the answer. */
export interface WorkerView {
  readonly peer: PeerId;
  readonly self: boolean;
  readonly role: Offer['role'];
  readonly engine: Offer['engine'];
  readonly model: string;
  readonly artefact: string;
  readonly tier: Tier;
  /** How it came to be chosen. */
  readonly route?: RouteView | undefined;
}

export interface RouteView {
  /** How far this asker trusts it. */
  readonly level: NonNullable<Route['level']>;
  /** How many that could do the job were passed over, by the reason. */
  readonly passed: Readonly<Partial<Record<PassReason, number>>>;
}

/** Asking the network. Made by `createConsumer` in `consume.ts`. */
export interface Consumer {
  /**
   * Runs one job and tells what happens; the last event is `job-finished`, `job-failed` or `job-cancelled`. Nothing is
   * thrown but for a request that is itself malformed (`bad-request`). Aborting the signal cancels: the engine stops
   * within one token. Leaving the loop does the same.
   */
  ask(request: AskRequest, options?: { readonly signal?: AbortSignal | undefined }): AsyncIterable<JobEvent>;
  /**
   * Says that such a request is likely to come soon, as when somebody begins to type: the way to the worker that would be
   * chosen now is opened ahead. Resolves when it is open or will not be. @throws `bad-request`.
   */
  prepare(request: AskRequest, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
}

/** Serving jobs. Made by `createProvider` in `provide.ts`. */
export interface Provider extends Startable {
  readonly state: ProviderState;
  /** The part of an offer that describes what `audience` is served now; undefined when it is served nothing. */
  servedModels(audience: Audience): ServedModels | undefined;
  onState(listener: (state: ProviderState) => void): () => void;
  /** Adds a model to what is offered; it is announced at once. */
  offerModel(model: LoadedModel, options?: OfferModelOptions): void;
  withdrawModel(artefact: string): void;
  /** Takes nothing new until resumed; what runs goes on. */
  pause(): void;
  resume(): void;
  /**
   * Announces that it is going away and takes nothing new; what runs or waits may finish until the signal aborts, then what
   * still waits is refused as `draining`, so that its asker goes elsewhere.
   */
  drain(options?: { readonly signal?: AbortSignal }): Promise<void>;
}

export interface OfferModelOptions {
  /** `network` unless said otherwise. */
  readonly audience?: Audience | undefined;
  /** From a start-up benchmark; finished jobs refine it. */
  readonly measured?: Measured | undefined;
}

/** A provider's part of an offer; presence adds the peer, the sequence number, the time and the addresses. */
export type ServedModels = Pick<Offer, 'draining' | 'engine' | 'models'>;

/** `network`: announced to all. `self`: this device alone, never announced; others are refused by policy. */
export type Audience = 'network' | 'self';

export interface ProviderState {
  readonly phase: 'stopped' | 'serving' | 'paused' | 'draining';
  readonly models: readonly { readonly artefact: string; readonly name: string; readonly audience: Audience }[];
  readonly running: number;
  readonly queued: number;
  /** Answers given; what an asker cancelled is none. */
  readonly jobsDone: number;
  readonly jobsFailed: number;
  readonly jobsRefused: number;
  readonly tokensOut: number;
  readonly tokensIn: number;
  /** Of the last finished job. */
  readonly decodeTps: number | undefined;
  /** Time the engine has worked since the start. */
  readonly busyMs: number;
}
