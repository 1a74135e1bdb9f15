import type { AbortOptions } from '#lib/base/abort.ts';
import type { Attempt } from '#lib/peer/session/attempt.ts';
import type { AskRequest, JobEvent, ReceiptCheck } from '#lib/peer/spec.ts';
import type { Attachment } from './attachment.ts';
import type { Tier } from '#lib/protocol/job.ts';
import type { Offer } from '#lib/protocol/offer.ts';
import type { ConversationRecord, HistoryChange, TurnRecord } from './records.ts';
import type { DeviceView, Install, Presence } from './device.ts';
import type { Live } from '#lib/base/live.ts';
import type { KeysPort, TaskView } from './keys.ts';
import type { LibraryView } from './library.ts';
import type {
  AuditsView,
  BondView,
  LeaderboardQuery,
  LeaderboardView,
  GatewayJobView,
  MarketPriceView,
  NetworkView,
  ReceiptedView,
  RouteReasonView,
  ServedModelView,
  TierStanding,
  WishView,
} from './network.ts';
import type { Settings } from './settings.ts';
import type { JudgingView } from './judging.ts';
import type { ShelfPort } from './shelf.ts';
import type { BackgroundView, GivenDay, SharingView } from './sharing.ts';
import type { Target } from './target.ts';
import type { RunScript } from './tools/toolbox.ts';
import type { ToolServersPort } from './tools/tool-servers.ts';
import type { WalletPort } from './wallet.ts';

/**
 * The port between the pages and the tab behind them. `boot/` builds the real one, tests pass in a double. Every error
 * thrown is coded. Independent of libp2p, engines and IndexedDB.
 */
export interface Tab {
  readonly network: NetworkPort;
  readonly asking: AskingPort;
  readonly device: DevicePort;
  readonly library: LibraryPort;
  readonly sharing: SharingPort;
  readonly history: HistoryPort;
  readonly settings: SettingsPort;
  readonly wallet: WalletPort;
  /** The gateway's keys, the same object each time. @throws `part-missing`. */
  keys(): Promise<KeysPort>;
  readonly toolServers: ToolServersPort;
  /** Runs a script that a model has written, apart from the page. */
  readonly runScript: RunScript;
  /**
   * Reads the text of a document on this device. @param bytes of the file. @throws the kind with `-broken`, `-locked`, `-no-text`,
   * `-too-long`, `-too-slow`, of Office also `office-old`, `office-unknown`, `office-too-large`; `part-missing`, `aborted`.
   */
  readDocument(kind: DocumentKind, bytes: Uint8Array, options: { readonly signal: AbortSignal }): Promise<DocumentText>;
  /** `memory`: this browser denies storage, so conversations are lost when the page closes. */
  readonly storage: 'persistent' | 'memory';
  /** Leaves the network and frees all resources. */
  stop(): Promise<void>;
}

/** `office`: Office Open XML and OpenDocument, which tell by themselves whether they are text, table or presentation. */
export type DocumentKind = 'pdf' | 'office';

/** Text with its parts: pages, unless `unit` says otherwise. */
export interface DocumentText {
  readonly text: string;
  /** Where each of them begins in it, in UTF-16 units; empty where it has no such marks. */
  readonly pages: readonly number[];
  readonly unit?: 'page' | 'sheet' | 'slide' | undefined;
  /** Name of each, where they have names. */
  readonly titles?: readonly string[] | undefined;
}

export interface AskingPort {
  /**
   * Like `Consumer.ask`; `this-device` keeps the job local, whatever the network offers. What is asked `aside` is no answer that
   * anybody waits for, and is not counted as one.
   */
  ask(
    request: AskRequest,
    options: {
      readonly signal: AbortSignal;
      readonly where: 'network' | 'this-device';
      readonly as?: 'answer' | 'aside' | undefined;
    },
  ): AsyncIterable<JobEvent>;
  /** Opens a channel ahead of time to the worker likely to answer. @param tier that it has to have, where that is not the open one. */
  prepare(target: Target, tier?: Tier): Promise<void>;
  /** In private mode, discards the current key; otherwise does nothing. */
  renewPrivate(): Promise<void>;
  /** Verifies one worker's signed record again, on this device, from the stored bytes. */
  verify(turn: Pick<TurnRecord, 'answer' | 'ids'>, attempt: Attempt): Promise<ReceiptCheck>;
}

export interface NetworkPort {
  readonly view: Live<NetworkView>;
  /** Round trip in milliseconds. */
  ping(peer: string, options: { readonly signal: AbortSignal }): Promise<number>;
  /** Why each worker would get a question for this target now, or not. */
  explain(target: Target): Promise<readonly RouteReasonView[]>;
  /** Calls back with the jobs of the relay's gateway as they end, the latest ones first of all; returns the way to stop. */
  followGateway(listener: (job: GatewayJobView) => void): () => void;
  /** What the market paid at this page's relay, up to yesterday; nothing where it keeps no prices. @throws `net-offline`, `part-missing`, `aborted`. */
  prices(options?: AbortOptions): Promise<readonly MarketPriceView[]>;
  /**
   * What the registry says of the account that a peer's offer names; undefined where this page's relay names another chain, or none.
   * @throws `chain-unavailable`, `chain-unknown`, `part-missing`.
   */
  bond(peer: string, payout: { readonly chain: number; readonly provider: string }): Promise<BondView | undefined>;
  /**
   * Looks up what these peers claim of tiers, a few of them at a time, and answers with what was found; who is not in it was not looked
   * up, as where the relay of this page names no chain. @throws `aborted`.
   */
  standings(offers: readonly Offer[], options?: AbortOptions): Promise<ReadonlyMap<string, TierStanding>>;
  /** What this page's relay has counted of audits. @throws `audits-unread`, `part-missing`. */
  audits(options?: AbortOptions): Promise<AuditsView>;
  /** Prompts at a fixed price, as this page's relay offers them. @throws `net-offline`, `part-missing`, `aborted`. */
  tasks(options?: AbortOptions): Promise<readonly TaskView[]>;
  /** Who has worked most for this page's relay. @throws `net-offline`, `part-missing`, `aborted`. */
  leaderboard(query: LeaderboardQuery, options?: AbortOptions): Promise<LeaderboardView>;
  /** What is served now, with who checked it. @throws `net-offline`, `part-missing`. */
  served(options?: AbortOptions): Promise<readonly ServedModelView[]>;
  /** What each peer has done for this device, by the latest receipts that are stored here; most tokens first. */
  receipted(): Promise<readonly ReceiptedView[]>;
  /** Calls back with the models that peers ask for, now and as that changes; returns the way to stop. */
  followWishes(listener: (wishes: readonly WishView[]) => void): () => void;
  /**
   * Asks for a model for a week, or takes that back. Others see it with this device's key.
   * @throws `model-unknown`, `private-mode`, `identity-elsewhere`, `too-many-wishes`.
   */
  wish(model: string, wanted: boolean): Promise<void>;
  /** Asks the tab of this browser that holds the device's key to hand it over. */
  takeOver(): Promise<void>;
}

export interface DevicePort {
  /** Examines the device. Quick; downloads nothing. */
  examine(): Promise<DeviceView>;
  readonly presence: Live<Presence>;
  /** Asks the user to let the browser tell whether somebody uses the device; call it from a click. */
  askPresence(): Promise<void>;
  readonly install: Live<Install>;
  /** Lets the browser ask whether to install this page; call it from a click. */
  askInstall(): Promise<void>;
}

export interface LibraryPort {
  readonly view: Live<LibraryView>;
  /**
   * Loads a model so that this device can answer, beside those that are loaded. Call only with the user's consent.
   * @throws `memory-full`, and those of loading.
   */
  load(name: string): Promise<void>;
  /** Cancels this load; verified data is kept for the next attempt. */
  cancelLoad(name: string): void;
  unload(name: string): Promise<void>;
  /**
   * Measures how fast this build answers here, and remembers it: loads it first, so that this needs the user's consent too.
   * @throws `too-slow`, and those of loading.
   */
  measure(name: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** @throws `bad-model`, `model-name-taken`, `model-known-already`, `too-many-models`, `model-size-unknown`. */
  addOwn(own: OwnModel): Promise<void>;
  forgetOwn(name: string): Promise<void>;
  refresh(): Promise<void>;
}

/** A user-supplied model: an MLC weights folder and the library compiled for it, or one GGUF file and its hash. */
export type OwnModel = {
  readonly name: string;
  readonly contextTokens: number;
  /** Device memory needed while running. */
  readonly memoryBytes: number;
  /** The model that it is another build of, as `ModelView.base` names it. */
  readonly base?: string | undefined;
} & (
  | { readonly format: 'mlc'; readonly weightsUrl: string; readonly libraryUrl: string }
  /** `sha256`: 64 hexadecimal digits. */
  | { readonly format: 'gguf'; readonly url: string; readonly sha256: string }
);

export interface SharingPort {
  readonly view: Live<SharingView>;
  /**
   * Loads the model and announces it, beside those that are shared; calling this implies consent. @throws `identity-elsewhere`,
   * `already-sharing`, `too-slow`, `aborted`, and those of loading.
   */
  start(model: string): Promise<void>;
  /**
   * Stops sharing at any time, even while loading or measuring. `finish` lets running jobs complete; `now` cuts them
   * off. @param model to be stopped alone; all of them where it is left out.
   */
  stop(how: 'finish' | 'now', model?: string): Promise<void>;
  pause(): void;
  resume(): void;
  /**
   * What others pay, from now on. @throws `no-chain`, `wallet-elsewhere`, `no-account` and those of opening the wallet where a price
   * needs one; nothing changes then.
   */
  setPrices(prices: Settings['prices']): Promise<void>;
  readonly background: Live<BackgroundView>;
  readonly judging: Live<JudgingView>;
  /** What this device gave, oldest day first. */
  given(): Promise<readonly GivenDay[]>;
}

/** Saved conversations, shared by the tabs of this browser. */
export interface HistoryPort {
  list(): Promise<readonly ConversationRecord[]>;
  turns(conversation: string): Promise<readonly TurnRecord[]>;
  /**
   * Writes the record and those turns that have changed; a turn that is not named stays. @param answering whether an answer is
   * arriving here, for the other tabs.
   */
  save(conversation: ConversationRecord, turns: readonly TurnRecord[], answering?: boolean): Promise<void>;
  remove(conversation: string): Promise<void>;
  readonly unsent: UnsentPort;
  readonly shelf: ShelfPort;
  /** Tells the other tabs that this one shows it now. */
  noteOpened(conversation: string): void;
  /** Calls back with what other tabs change; returns the way to stop. */
  follow(listener: (change: HistoryChange) => void): () => void;
}

/** What is attached to questions that have not been sent yet. */
export interface UnsentPort {
  /** Nothing where there is none, or where another build wrote it and this one cannot read it. */
  read(key: string): Promise<readonly Attachment[]>;
  write(key: string, attachments: readonly Attachment[]): Promise<void>;
}

export interface SettingsPort {
  readonly view: Live<Settings>;
  change(change: Partial<Settings>): Promise<void>;
  /** Everything Tabloom stores in this browser except the private key, as JSON text. */
  exportData(): Promise<string>;
  /** Deletes everything, key and models included; the page has to be reloaded afterwards. */
  deleteData(): Promise<void>;
}
