import type { Offer } from '#lib/protocol/offer.ts';

/** The network as this tab sees it now. */
export interface NetworkView {
  readonly phase: 'starting' | 'connecting' | 'online' | 'offline';
  /** This tab's peer id; undefined until its key is there. */
  readonly self: string | undefined;
  /** `guest`: another tab of this browser holds the device's key, so this one asks under a key of its own. */
  readonly identity: 'own' | 'guest' | 'private';
  readonly relays: readonly RelayView[];
  readonly connections: readonly ConnectionView[];
  readonly offers: readonly OfferView[];
  readonly capacity: readonly CapacityView[];
  /** Connected relays that say themselves that they list this peer: only then can others find it. */
  readonly listedBy: readonly string[];
  /** Undefined until it has been compared. */
  readonly clock: ClockView | undefined;
  /** The last things that went wrong with a peer, newest first. */
  readonly incidents: readonly Incident[];
}

/** This device's clock beside the relay's. */
export interface ClockView {
  /** What has to be added to it, in milliseconds; negative where it is ahead. */
  readonly offsetMs: number;
  /** How far that may be wrong. */
  readonly errorMs: number;
  /** Whether it is added here: an offset within the error of its measurement is not. */
  readonly corrected: boolean;
}

export interface RelayView {
  readonly peer: string | undefined;
  readonly addr: string;
  readonly state: 'connecting' | 'connected' | 'reserved' | 'lost';
  readonly reason?: string | undefined;
  readonly attempts: number;
}

export interface ConnectionView {
  readonly peer: string;
  readonly path: 'direct' | 'relayed' | 'loopback';
  readonly transport: string;
  readonly direction: 'inbound' | 'outbound';
}

export interface OfferView {
  readonly offer: Offer;
  readonly self: boolean;
  /** `self`: this device's own, offered to nobody else. */
  readonly audience: 'network' | 'self';
  readonly receivedAt: number;
}

/** How much of one model the network serves; nobody at all is an empty shelf. */
export interface CapacityView {
  readonly model: string;
  readonly title: string;
  readonly workers: number;
  readonly slots: number;
  readonly running: number;
  readonly queued: number;
  /** Tokens a second, all workers together, as measured. */
  readonly decodeTps: number;
}

export interface Incident {
  readonly at: number;
  readonly peer: string | undefined;
  readonly code: string;
  readonly message: string;
}

/** Who serves the network now: not what this device answers to itself alone, nor who is going away. */
export const servingNetwork = (offers: readonly OfferView[]): readonly OfferView[] =>
  offers.filter(({ offer, audience }) => audience === 'network' && !offer.draining);

export const noNetwork: NetworkView = {
  phase: 'starting',
  self: undefined,
  identity: 'own',
  relays: [],
  connections: [],
  offers: [],
  capacity: [],
  listedBy: [],
  clock: undefined,
  incidents: [],
};
