import type { Attempt } from '#lib/peer/session/attempt.ts';
import type { AskRequest, JobEvent, ReceiptCheck } from '#lib/peer/spec.ts';
import type { ConversationRecord, TurnRecord } from './records.ts';
import type { DeviceView } from './device.ts';
import type { Live } from './live.ts';
import type { LibraryView } from './library.ts';
import type { NetworkView } from './network.ts';
import type { Settings } from './settings.ts';
import type { SharingView } from './sharing.ts';
import type { Target } from './target.ts';

/**
 * What the pages ask of the tab behind them. `boot/` builds the real one; tests hand in a double. Every error thrown
 * is coded. Nothing here knows libp2p, an engine or IndexedDB.
 */
export interface Tab {
  readonly network: NetworkPort;
  readonly asking: AskingPort;
  readonly device: DevicePort;
  readonly library: LibraryPort;
  readonly sharing: SharingPort;
  readonly history: HistoryPort;
  readonly settings: SettingsPort;
  /** `memory`: this browser keeps nothing, and what is said is gone with the page. */
  readonly storage: 'kept' | 'memory';
  /** Says goodbye and frees everything. */
  stop(): Promise<void>;
}

export interface AskingPort {
  /** As `Consumer.ask`; `this-device` keeps the job here, whatever the network offers. */
  ask(
    request: AskRequest,
    options: { readonly signal: AbortSignal; readonly where: 'network' | 'this-device' },
  ): AsyncIterable<JobEvent>;
  /** A question for this target is likely to come: the way to who would answer is opened ahead. */
  prepare(target: Target): Promise<void>;
  /** In private mode: throws the key away that asked until now. Otherwise nothing happens. */
  startAnew(): Promise<void>;
  /** Checks the receipt of a job that is over once more, on this device, from the bytes kept. */
  /** Checks what one worker signed once more, from the bytes kept. */
  verify(turn: Pick<TurnRecord, 'answer' | 'ids'>, attempt: Attempt): Promise<ReceiptCheck>;
}

export interface NetworkPort {
  readonly view: Live<NetworkView>;
  /** Round trip in milliseconds. */
  ping(peer: string, options: { readonly signal: AbortSignal }): Promise<number>;
  /** Asks the other tab of this browser that holds this device's key to hand it over. */
  takeOver(): Promise<void>;
}

export interface DevicePort {
  /** Looks at the device; quick, downloads nothing. */
  examine(): Promise<DeviceView>;
}

export interface LibraryPort {
  readonly view: Live<LibraryView>;
  /** Loads a model so that this device can answer for itself; only after the person said yes. */
  load(name: string): Promise<void>;
  /** Stops a load under way; what was verified stays for the next try. */
  cancelLoad(): void;
  unload(): Promise<void>;
  remove(name: string): Promise<void>;
  addOwn(own: OwnModel): Promise<void>;
  forgetOwn(name: string): Promise<void>;
  refresh(): Promise<void>;
}

/** A model of the person's own: an MLC weights folder and the library compiled for it. */
export interface OwnModel {
  readonly name: string;
  readonly weightsUrl: string;
  readonly libraryUrl: string;
  readonly contextTokens: number;
  /** Memory of the device while running. */
  readonly memoryBytes: number;
}

export interface SharingPort {
  readonly view: Live<SharingView>;
  /**
   * Loads the model and announces it; the call is the consent. @throws `identity-elsewhere`, `already-sharing`, `too-slow`,
   * `aborted`, or what loading throws.
   */
  start(model: string): Promise<void>;
  /** At any moment, loading and measuring included. `finish`: what runs goes on to its end; `now`: it is cut off. */
  stop(how: 'finish' | 'now'): Promise<void>;
  pause(): void;
  resume(): void;
}

export interface HistoryPort {
  list(): Promise<readonly ConversationRecord[]>;
  turns(conversation: string): Promise<readonly TurnRecord[]>;
  save(conversation: ConversationRecord, turns: readonly TurnRecord[]): Promise<void>;
  remove(conversation: string): Promise<void>;
}

export interface SettingsPort {
  readonly view: Live<Settings>;
  change(change: Partial<Settings>): Promise<void>;
  /** Everything this browser holds of Tabloom but the private key, as JSON text. */
  exportData(): Promise<string>;
  /** Deletes it all, key and models included; the page has to be loaded again after it. */
  deleteData(): Promise<void>;
}
