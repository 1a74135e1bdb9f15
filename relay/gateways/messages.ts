import type { PeerId } from '#lib/protocol/ids.ts';
import type { SignedReceipt } from '#lib/protocol/receipt.ts';
import type { Health } from '../gateway/routes/status-bodies.ts';
import type { BackendHealth } from '../native/backend-health.ts';
import type { Variables } from '../settings/read-env.ts';
import type { MetricsSnapshot } from '../telemetry/metrics.ts';

/** What a relay and its gateway workers say to each other, over the channel that only parent and child have. */
export type ToWorker =
  | { readonly type: 'start'; readonly seat: Seat }
  /** Comes with a socket. */
  | { readonly type: 'connection'; readonly id: number }
  | { readonly type: 'ask'; readonly id: number; readonly question: Question }
  /** Audits that the contract hears an appeal of now; what was said before is over. */
  | { readonly type: 'appealed'; readonly audits: readonly string[] }
  | { readonly type: 'stop' };

export type FromWorker =
  /** It answers requests, and its models are served or have failed. */
  | { readonly type: 'ready' }
  /** It has the socket. */
  | { readonly type: 'taken'; readonly id: number }
  | { readonly type: 'closed'; readonly id: number }
  /** Comes with the socket, which is the relay's again. */
  | { readonly type: 'upgrade'; readonly id: number; readonly upgrade: HandedUpgrade }
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown };

/** The place of a worker in its relay. */
export interface Seat {
  /** From 0 to `of - 1`. */
  readonly place: number;
  readonly of: number;
  /** The relay's, with those that it found out itself. */
  readonly variables: Variables;
  readonly dataDir: string;
  /** The relay's multiaddr on this machine, with its id. */
  readonly relay: string;
  /** The gateways of the relay and of its workers. */
  readonly siblings: readonly PeerId[];
  /** Where the relay takes requests that are not the worker's. */
  readonly socketPath: string;
  /** The chain that the relay names, by its number, on the server of `CHAIN_RPC_URL`: bonds are looked up there. */
  readonly chain: number | undefined;
  /** Whether the relay takes what its gateways accuse to the contract. */
  readonly hasCourt: boolean;
  /** Of payments; see `challengeSecret`. */
  readonly secret: string;
}

export interface HandedUpgrade {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly head: Uint8Array;
}

export type Question =
  { readonly about: 'state' } | { readonly about: 'metrics' } | { readonly about: 'receipts'; readonly job: string };

export interface Answers {
  readonly state: WorkerState;
  readonly metrics: MetricsSnapshot;
  readonly receipts: readonly SignedReceipt[];
}

export interface WorkerState {
  readonly health: Health;
  readonly backends: readonly BackendHealth[];
}
