import type { AuditSummary } from '#lib/peer/tiers/audits.ts';
import type { Offer } from '#lib/protocol/offer.ts';

/** The network as currently seen by this tab. */
export interface NetworkView {
  readonly phase: 'starting' | 'connecting' | 'online' | 'offline';
  /** This tab's peer id; undefined until its key is available. */
  readonly self: string | undefined;
  /** `guest`: another tab of this browser holds the device's key, so this one uses a temporary key. */
  readonly identity: 'own' | 'guest' | 'private';
  readonly relays: readonly RelayView[];
  readonly connections: readonly ConnectionView[];
  readonly offers: readonly OfferView[];
  readonly capacity: readonly CapacityView[];
  /** Connected relays that confirm listing this peer, without which others cannot find it. */
  readonly listedBy: readonly string[];
  /** Undefined until the clocks have been compared. */
  readonly clock: ClockView | undefined;
  /** Recent problems with peers, newest first. */
  readonly incidents: readonly Incident[];
  /** Peers that have signed two histories, newest first. */
  readonly forks: readonly ForkView[];
  /** What this device has lately done for others, as they countersigned it. */
  readonly served: ServedView;
}

/** This device's clock compared with the relay's. */
export interface ClockView {
  /** Milliseconds to add to this device's clock; negative if it is ahead. */
  readonly offsetMs: number;
  /** Uncertainty of the offset. */
  readonly errorMs: number;
  /** Whether the offset is applied; not if it is within the measurement error. */
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
  /** `self`: this device's own model, not offered to other peers. */
  readonly audience: 'network' | 'self';
  readonly receivedAt: number;
}

/** An answer that the gateway of this page's relay has given; whose it was, nobody says. */
export interface GatewayJobView {
  /** When it ended: milliseconds since the epoch, by the relay's clock. */
  readonly at: number;
  readonly model: string;
  /** The worker; undefined if there was none. */
  readonly peer: string | undefined;
  readonly outcome: 'finished' | 'failed' | 'cancelled';
  readonly tokensOut: number;
  readonly ms: number;
}

/** The network's capacity for one model, which may be zero. */
export interface CapacityView {
  readonly model: string;
  readonly title: string;
  readonly workers: number;
  readonly slots: number;
  readonly running: number;
  readonly queued: number;
  /** Measured tokens per second, total over all workers. */
  readonly decodeTps: number;
}

/** What was found of a peer's claim to a tier above the open one. */
export type TierStanding = 'proven' | 'refuted';

/** A model that peers ask for. */
export interface WishView {
  /** As the pages list it while nobody serves it. */
  readonly model: string;
  /** Peers that wish for it, this one among them: not people. */
  readonly wishes: number;
  /** Whether this device does. */
  readonly own: boolean;
}

/** What the market paid for a model at this page's relay: a median over distinct payers, by volume. */
export interface MarketPriceView {
  readonly kind: string;
  readonly model: string;
  /** For a million tokens, in millionths of a dollar. */
  readonly perMillion: bigint;
  /** The least and the most that a payer paid, on the last day that counted, as what follows. */
  readonly low: bigint;
  readonly high: bigint;
  readonly payers: number;
  readonly tokens: number;
  /** The end of that day, which is one of UTC, in milliseconds since the epoch. */
  readonly until: number;
}

/**
 * What the chain says of an account that a peer is paid to. `of-another`: it names another peer, and nothing is paid to it.
 * `described`: it names the peer; `listed`: it has a bond of the least that counts, too. A bond vouches for no answer.
 */
export type BondView =
  | { readonly registration: 'unregistered' | 'of-another' }
  | { readonly registration: 'described' | 'listed'; readonly bonded: bigint };

/** A model that is served now, as the relay of this page lists it. */
export interface ServedModelView {
  readonly name: string;
  readonly peers: number;
  /** Whether all that is served under this name was checked: by the catalogue, or by the listings. */
  readonly listed: boolean;
  /** Who signed that it was checked, and until when that holds: milliseconds since the epoch. */
  readonly listings: readonly { readonly by: string; readonly until: number }[];
}

/** Which places of the leaderboard: those of the last days, from one on, counted from zero. */
export interface LeaderboardQuery {
  readonly days: number;
  readonly limit: number;
  readonly offset: number;
}

/** Who has worked most for the relay of this page, by receipts that it has checked. */
export interface LeaderboardView {
  /** Places in all. */
  readonly total: number;
  readonly places: readonly {
    /** From one. */
    readonly rank: number;
    readonly peer: string;
    /** What its owner chose to be called, while it is here. */
    readonly nickname: string | undefined;
    readonly answers: number;
    readonly tokens: number;
    /** Milliseconds since the epoch. */
    readonly lastAt: number;
    /** Answers that others have re-scored; undefined where the relay follows no audits. */
    readonly audited: number | undefined;
  }[];
}

/** What the relay of this page has counted of audits. */
export interface AuditsView {
  /** Whether it keeps such a record at all. */
  readonly followed: boolean;
  readonly workers: readonly WorkerAuditsView[];
}

export interface WorkerAuditsView extends AuditSummary {
  readonly peer: string;
}

/** A proof is kept here, and handed to peers that do not have it. */
export interface ForkView {
  readonly peer: string;
  readonly side: 'worker' | 'asker';
  readonly at: number;
}

export interface ServedView {
  /** Tokens written, half as many for every fourteen days since. */
  readonly tokens: number;
  readonly askers: number;
}

/** What one peer has done for this device, as both have signed it. */
export interface ReceiptedView {
  readonly peer: string;
  readonly answers: number;
  /** Written, without those of earlier workers that it went on from. */
  readonly tokens: number;
  /** Tokens per second while it wrote, by its receipts; undefined where they state no time. */
  readonly tps: number | undefined;
  /** Names of the models, as the receipts have them. */
  readonly models: readonly string[];
  /** Milliseconds since the epoch. */
  readonly lastAt: number;
}

export interface Incident {
  readonly at: number;
  readonly peer: string | undefined;
  readonly code: string;
  readonly message: string;
}

/** Offers serving the network: excludes models only for this device and workers that are shutting down. */
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
  forks: [],
  served: { tokens: 0, askers: 0 },
};

/** Why a worker would get a question, or not. */
export interface RouteReasonView {
  readonly peer: string;
  /** `chosen`, or the reason against it. */
  readonly reason: string;
  /** For people. */
  readonly message: string;
}
