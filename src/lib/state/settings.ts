/** What a person chose, on this device. */
export interface Settings {
  /** Shown on this device only. */
  readonly name: string;
  /** Every conversation asks under a fresh key, and nothing is kept. */
  readonly privateMode: boolean;
  /** Relay addresses beside the page's own relay: `https://host` or a multiaddr. */
  readonly relays: readonly string[];
  /** STUN and TURN servers, as `stun:host:port` or `turn:user:secret@host:port`. */
  readonly iceServers: readonly string[];
  readonly answerTokensMax: number;
  readonly temperature: number;
  /** Models this person agreed to have loaded on this device. */
  readonly consented: readonly string[];
  readonly pauseOnBattery: boolean;
  readonly pauseOnMetered: boolean;
  /** Begin lending again when the page opens. Only after a first consent. */
  readonly shareOnOpen: boolean;
  readonly keepScreenOn: boolean;
  /** Share of the time the engine may work, 0.1 to 1. */
  readonly dutyMax: number;
  /** Stop after so many hours; 0 for no limit. */
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
