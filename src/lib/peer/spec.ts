import type { ErrorRecord } from '#lib/base/errors.ts';
import type { Startable } from '#lib/base/startable.ts';
import type { LoadedModel, TokenScore } from '#lib/engine/spec.ts';
import type { Route } from '#lib/market/route.ts';
import type { Considered, PassReason, Rejection, RouteQuery, WorkerConditions } from '#lib/market/spec.ts';
import type { ChannelPath } from '#lib/net/spec.ts';
import type { Envelope } from '#lib/protocol/envelope.ts';
import type { ArtefactId, PeerId } from '#lib/protocol/ids.ts';
import type { Job, Resume, Tier, Work } from '#lib/protocol/job.ts';
import type { Measured, Offer } from '#lib/protocol/offer.ts';
import type { FinishReason, Part, Usage } from '#lib/protocol/part.ts';
import type { Price } from '#lib/protocol/price.ts';
import type { SignedReceipt } from '#lib/protocol/receipt.ts';
import type { TierFinding } from './tiers/check.ts';

/** A request before a worker has been chosen for it. */
export type AskRequest = Work & AskTerms;

export interface AskTerms extends WorkerConditions {
  /** Given by a caller that needs idempotency (the gateway); generated otherwise. */
  readonly id?: string | undefined;
  readonly model: RouteQuery['model'];
  readonly tier: Tier;
  readonly deadlineMs?: number | undefined;
  /** The files that the input names, by their SHA-256. */
  readonly blobs?: ReadonlyMap<string, Uint8Array> | undefined;
  /** The most the job may cost in all, in the smallest unit; without it only free workers are asked. */
  readonly budget?: string | undefined;
  /** Peers to be asked before others, in this order, as long as they can do it. */
  readonly order?: readonly PeerId[] | undefined;
  /** Its asker lets the answer be checked: validators may be shown the question and the answer. */
  readonly release?: true | undefined;
  /** The answer goes on where an earlier job has ended; `maxTokens` counts what that one delivered too. */
  readonly after?: DeliveredBefore | undefined;
}

/** What an earlier job of the same kind has delivered: only workers that serve its artefact and can be told so are asked. */
export interface DeliveredBefore extends Resume {
  readonly job: Job;
}

/**
 * The events of a job, in order. The state that a page shows is their fold with `reduceJob` of `session/job-state.ts`:
 * consumer, page and gateway run the same reducer.
 */
export type JobEvent =
  | { readonly type: 'job-routing'; readonly at: number; readonly attempt: number }
  | { readonly type: 'worker-chosen'; readonly at: number; readonly job: Job; readonly worker: WorkerView }
  | { readonly type: 'channel-opened'; readonly at: number; readonly path: ChannelPath }
  | { readonly type: 'job-accepted'; readonly at: number; readonly position: number; readonly etaMs: number }
  | { readonly type: 'worker-refused'; readonly at: number; readonly error: ErrorRecord }
  | { readonly type: 'part-received'; readonly at: number; readonly part: Part }
  /** The worker has signed what it sent so far, and the signature is valid. */
  | { readonly type: 'checkpoint-received'; readonly at: number; readonly checkpoint: CheckedCheckpoint }
  | { readonly type: 'worker-lost'; readonly at: number; readonly error: ErrorRecord }
  /** So much has been promised for the job in all, to all of its workers, in the smallest unit of the chain's token. */
  | { readonly type: 'job-paid'; readonly at: number; readonly chain: number; readonly total: string }
  /** A second worker, asked because this one was late, has spoken first. */
  | { readonly type: 'worker-outrun'; readonly at: number }
  | {
      readonly type: 'job-finished';
      readonly at: number;
      readonly reason: FinishReason;
      readonly usage: Usage;
      readonly receipt: SignedReceipt;
      /** The asker's checks of the signature and of the content against what it received. */
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
      /** What the worker settled for; missing if it had sent nothing yet, or did not settle in time. */
      readonly settlement?: Settlement | undefined;
    };

/** The worker's signed account of what it delivered. */
export interface Settlement {
  readonly usage: Usage;
  readonly receipt: SignedReceipt;
  readonly receiptCheck: ReceiptCheck;
  /** Its worker has signed another receipt after the same predecessor. */
  readonly forked?: true | undefined;
}

/** A checkpoint that was checked against what had arrived. */
export interface CheckedCheckpoint {
  readonly envelope: Envelope;
  /** Tokens of this worker that it covers. */
  readonly tokensOut: number;
}

/** The checks of a receipt, one by one, so that no single tick stands for several claims. */
export interface ReceiptCheck {
  readonly signature: boolean;
  readonly worker: boolean;
  readonly prompt: boolean;
  readonly output: boolean;
  readonly counts: boolean;
  readonly payment: boolean;
}

/** The worker, as shown beside the answer. */
export interface WorkerView {
  readonly peer: PeerId;
  readonly self: boolean;
  readonly role: Offer['role'];
  readonly engine: Offer['engine'];
  readonly model: string;
  readonly artefact: string;
  readonly tier: Tier;
  /** What the tier was believed for, where it is not the open one. */
  readonly checked?: TierFinding | undefined;
  /** Sells what other peers answer. */
  readonly hub?: true | undefined;
  /** How it came to be chosen. */
  readonly route?: RouteView | undefined;
}

export interface RouteView {
  /** How far this asker trusts it. */
  readonly level: NonNullable<Route['level']>;
  /** How many workers were passed over, by reason. */
  readonly passed: Readonly<Partial<Record<PassReason, number>>>;
}

/** Asking the network. Made by `createConsumer` in `consume.ts`. */
export interface Consumer {
  /**
   * Runs one job and yields its events; the last is `job-finished`, `job-failed` or `job-cancelled`. Throws only for a
   * malformed request (`bad-request`). Aborting the signal cancels the job, and the engine stops within one token; so does
   * leaving the loop.
   */
  ask(request: AskRequest, options?: { readonly signal?: AbortSignal | undefined }): AsyncIterable<JobEvent>;
  /**
   * Prepares for such a request, as when the user begins to type: opens a channel to the worker that would be chosen now.
   * Resolves when the channel is open or has failed. @throws `bad-request`.
   */
  prepare(request: AskRequest, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
  /**
   * Why each worker would get such a request now, or not; at most 32 for each reason that rules one out. Asks nobody. The
   * choice itself may fall differently a moment later: equals are drawn by lot. @throws `bad-request`.
   */
  explain(request: AskRequest): readonly RouteReason[];
}

export interface RouteReason {
  readonly peer: PeerId;
  readonly reason: Considered['reason'] | Rejection['reason'];
}

/** The whole answer to a canary. */
export interface ScoredAnswer {
  readonly text: string;
  /** Of its tokens, where each came with one. */
  readonly ids: readonly number[] | undefined;
  /** How it is said to have ended, where that is the model's end or the limit. */
  readonly ending?: 'stop' | 'length' | undefined;
}

/** Weights in this process, in an engine that can tell how likely they find an answer's tokens. */
export interface Scorer {
  has(artefact: ArtefactId): boolean;
  /**
   * Of each token, with its distribution where the job samples; of the end after them, where that is how it is said to have ended.
   * Undefined where it could not: no ids, or not those of the text; the engine is busy with a job, or failed.
   */
  score(artefact: ArtefactId, request: AskRequest, answer: ScoredAnswer): Promise<readonly TokenScore[] | undefined>;
}

/** Serving jobs. Made by `createProvider` in `provide.ts`. */
export interface Provider extends Startable {
  readonly state: ProviderState;
  /** Of the models that are served here. */
  readonly scorer: Scorer;
  /** The part of an offer that describes what `audience` is served now; undefined when it is served nothing. */
  servedModels(audience: Audience): ServedModels | undefined;
  onState(listener: (state: ProviderState) => void): () => void;
  /** Adds a model to the served ones, or renews what is announced of it if its slots, features or speed have changed. */
  offerModel(model: LoadedModel, options?: OfferModelOptions): void;
  withdrawModel(artefact: string): void;
  /** What was done with this model, under this offer of it and earlier ones; zeros where it was never offered. */
  work(artefact: string): ModelWork;
  /** Ends what runs or waits on this model for other peers, which go elsewhere; resolves when all of it has ended. */
  dismiss(artefact: string): Promise<void>;
  /** Does this in a slot of the machine, as a job of its owner would be done; at once where models do not share one. */
  withSlot<T>(work: () => Promise<T>, options?: { readonly signal?: AbortSignal | undefined }): Promise<T>;
  /** Takes no new job until resumed; what runs goes on. */
  pause(): void;
  resume(): void;
  /**
   * Announces that it is going away and takes no new job. What runs or waits may finish until the signal aborts; what still
   * waits then is refused as `draining`, so that its asker goes elsewhere.
   */
  drain(options?: { readonly signal?: AbortSignal }): Promise<void>;
  /**
   * Takes no new job and drops the channels of all others, without waiting: for a page that is being closed. Askers go on
   * elsewhere at once, and need not find out that nobody is there.
   */
  abandon(): void;
}

export interface OfferModelOptions {
  /** `network` by default. */
  readonly audience?: Audience | undefined;
  /** Slots that only the owner's jobs take and no offer announces; at least one is left to others. 0 by default. */
  readonly reserved?: number | undefined;
  /** Of others' jobs, per million units; free by default. Needs a till. */
  readonly price?: Price | undefined;
  /** What they cost while the model's queue is full: the price follows the queue between the two. The same by default. */
  readonly priceFull?: Price | undefined;
  /** From a start-up benchmark; finished jobs refine it. */
  readonly measured?: Measured | undefined;
}

/** A provider's part of an offer; presence adds the peer, the sequence number, the time and the addresses. */
export type ServedModels = Pick<Offer, 'draining' | 'engine' | 'models' | 'payout' | 'must'>;

/** `network`: announced to all. `self`: for this device only, never announced; other askers are refused by policy. */
export type Audience = 'network' | 'self';

export interface ProviderState extends ModelWork {
  readonly phase: 'stopped' | 'serving' | 'paused' | 'draining';
  /** The same list until a model is offered or withdrawn. */
  readonly models: readonly { readonly artefact: string; readonly name: string; readonly audience: Audience }[];
}

/** Gauges are as of now, the rest are sums. */
export interface ModelWork {
  readonly running: number;
  readonly queued: number;
  /** Answers given; cancelled ones do not count. */
  readonly jobsDone: number;
  readonly jobsFailed: number;
  readonly jobsRefused: number;
  readonly tokensOut: number;
  readonly tokensIn: number;
  /** Of the last finished job. */
  readonly decodeTps: number | undefined;
  /** The time the engine has been busy since the start. */
  readonly busyMs: number;
}
