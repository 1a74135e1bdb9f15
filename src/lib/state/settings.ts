/** The user's settings on this device. */
export interface Settings {
  /** Shown on this device only. */
  readonly name: string;
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
  readonly pauseOnBattery: boolean;
  readonly pauseOnMetered: boolean;
  /** Resume sharing when the page opens. Only after an initial consent. */
  readonly shareOnOpen: boolean;
  readonly keepScreenOn: boolean;
  /** Maximum fraction of time the engine may work, 0.1 to 1. */
  readonly dutyMax: number;
  /** Stop after this many hours; 0 for no limit. */
  readonly hoursMax: number;
}

export const defaultSettings: Settings = {
  name: '',
  privateMode: false,
  relays: [],
  iceServers: [],
  answerTokensMax: 512,
  temperature: 0.7,
  consented: [],
  pauseOnBattery: true,
  pauseOnMetered: true,
  shareOnOpen: false,
  keepScreenOn: false,
  dutyMax: 1,
  hoursMax: 0,
};
