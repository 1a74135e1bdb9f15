import type { Price } from '#lib/protocol/price.ts';
import type { Prompt } from './prompts.ts';
import type { ChatOptions } from './records.ts';

/** The user's settings on this device. */
export interface Settings {
  /** Shown on this device only. */
  readonly name: string;
  /** What others see beside this device's key while it shares; empty for nothing. */
  readonly nickname: string;
  /** Every conversation uses a new key, and nothing is saved. */
  readonly privateMode: boolean;
  /** Relays in addition to the page's own: `https://host` or a multiaddr. */
  readonly relays: readonly string[];
  /** STUN and TURN servers, as `stun:host:port` or `turn:user:secret@host:port`. */
  readonly iceServers: readonly string[];
  readonly answerTokensMax: number;
  readonly temperature: number;
  /** Models the user has agreed to load on this device. */
  readonly consented: readonly string[];
  /** Those of them that were shared last: shared again when the page opens, if it is to. */
  readonly shared: readonly string[];
  readonly pauseOnBattery: boolean;
  readonly pauseOnMetered: boolean;
  /** Resume sharing when the page opens. Only after an initial consent. */
  readonly shareOnOpen: boolean;
  readonly keepScreenOn: boolean;
  /** Maximum fraction of time the engine may work, 0.1 to 1. */
  readonly dutyMax: number;
  /** Stop after this many hours; 0 for no limit. */
  readonly hoursMax: number;
  /** When this device shares; null: at any time. */
  readonly schedule: Schedule | null;
  /** Share only while nobody uses the device, as the browser's idle detection tells. */
  readonly onlyWhileAway: boolean;
  /** Bytes of memory and of the disk that all models together may take; 0 for no limit but the device's own. */
  readonly memoryBytesMax: number;
  readonly diskBytesMax: number;
  /** Play an inaudible tone while sharing in a hidden tab, which browsers would slow down. */
  readonly backgroundTone: boolean;
  /** Judge the answers of others in audits while a model is loaded. */
  readonly judgeAudits: boolean;
  /** The user has agreed once to pay for answers. */
  readonly payAnswers: boolean;
  /** Limits in the smallest unit, as decimal text: for an answer, in the channels to one provider, and in all channels. */
  readonly payPerAnswer: string;
  readonly payPerProvider: string;
  readonly payInChannels: string;
  /** What others pay for a million tokens, by model; `*` is for those that are not named. */
  readonly prices: Readonly<Record<string, AskedPrice>>;
  /** The user has agreed once that the browser's speech service may get voice, and text that is read aloud. */
  readonly speechService: boolean;
  /** Models that the user asks for while nobody serves them, each until it lapses, in milliseconds since the epoch. */
  readonly wishes: readonly { readonly model: string; readonly until: number }[];
  /** The user's own presets for conversations. */
  readonly presets: readonly Preset[];
  /** What new conversations begin with: the user's own instructions, empty for none. */
  readonly aboutYou: string;
  /** Ask whoever has answered for what could be asked next; in private mode only if that is agreed to too. */
  readonly followUps: boolean;
  readonly followUpsInPrivate: boolean;
  /** The user's own prompts, in the order of their names. */
  readonly prompts: readonly Prompt[];
}

/** What a model costs while nobody waits for it, and, where that differs, while its queue is full. */
export interface AskedPrice extends Price {
  readonly full?: Price | undefined;
}

export const aboutYouMax = 2_000;

export interface Preset {
  readonly name: string;
  readonly options: ChatOptions;
}

/** Hours of the day by this device's clock, in minutes since midnight. They may pass midnight; if equal, all day. */
export interface Schedule {
  readonly fromMinute: number;
  readonly untilMinute: number;
  /** Days of the week on which the hours begin, 0 for Sunday. */
  readonly days: readonly number[];
}

export const defaultSettings: Settings = {
  name: '',
  nickname: '',
  privateMode: false,
  relays: [],
  iceServers: [],
  answerTokensMax: 512,
  temperature: 0.7,
  consented: [],
  shared: [],
  pauseOnBattery: true,
  pauseOnMetered: true,
  shareOnOpen: false,
  keepScreenOn: false,
  dutyMax: 1,
  hoursMax: 0,
  schedule: null,
  onlyWhileAway: false,
  memoryBytesMax: 0,
  diskBytesMax: 0,
  backgroundTone: false,
  judgeAudits: false,
  payAnswers: false,
  payPerAnswer: '10000',
  payPerProvider: '1000000',
  payInChannels: '5000000',
  prices: {},
  speechService: false,
  wishes: [],
  presets: [],
  aboutYou: '',
  followUps: false,
  followUpsInPrivate: false,
  prompts: [],
};

/** Whether conversations are saved on this device. */
export type Persistence = 'saved' | 'private';

export const persistenceOf = ({ privateMode }: Pick<Settings, 'privateMode'>): Persistence =>
  privateMode ? 'private' : 'saved';
