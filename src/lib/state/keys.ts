import type { ErrorRecord } from '#lib/base/errors.ts';
import type { Live } from '#lib/base/live.ts';
import type { FoundWalletView } from './wallet.ts';

/** The keys that a wallet has made for the gateway of this page's relay, as this tab knows them. */
export interface KeysView {
  readonly phase: 'signed-out' | 'signed-in';
  /** Wallets that announced themselves to this page; empty until looked for. */
  readonly found: readonly FoundWalletView[];
  /** Of the wallet that has signed in. */
  readonly address: string | undefined;
  /** Newest first. */
  readonly keys: readonly GatewayKeyView[];
  /** The key that was just made. The relay does not know it any more, and neither does this tab once it is put away. */
  readonly made: { readonly id: string; readonly key: string } | undefined;
  /** What the wallet has bought here; undefined where jobs cost nothing, and before that is known. */
  readonly credits: CreditsView | undefined;
  /** How many were bought last, by this page. */
  readonly bought: number | undefined;
  readonly pending: KeysAction | undefined;
  /** Why the last action failed. */
  readonly error: (ErrorRecord & { readonly action: KeysAction }) | undefined;
}

export type KeysAction = 'sign-in' | 'sign-out' | 'refresh' | 'create' | 'revoke' | 'buy';

/** Credits are decimal text; one is a cent. */
export interface CreditsView {
  readonly balance: string;
  /** What running jobs hold, and is not in the balance. */
  readonly held: string;
  /** Of a million tokens. */
  readonly price: { readonly in: string; readonly out: string };
  /** Where they are paid, in its dollar. */
  readonly chain: { readonly id: number; readonly name: string; readonly token: string; readonly payTo: string };
}

export const creditsPerPurchaseMax = 1_000_000;

export const capNames = [
  'requestsPerDay',
  'requestsTotal',
  'tokensPerDay',
  'tokensTotal',
  'creditsPerMonth',
  'requestsPerMinute',
  'tokensPerMinute',
] as const;
export type CapName = (typeof capNames)[number];

/** What a key allows; no models are all of them, no origins are programs. */
export interface KeyWish {
  readonly name: string;
  /** `publishable`: it may stand in pages, needs origins and a cap by the day. */
  readonly type: 'secret' | 'publishable';
  readonly models: readonly string[];
  readonly origins: readonly string[];
  /** Milliseconds since the epoch. */
  readonly expiresAt: number | undefined;
  readonly caps: Readonly<Partial<Record<CapName, number>>>;
}

export interface GatewayKeyView extends KeyWish {
  readonly id: string;
  readonly createdAt: number;
  readonly revokedAt: number | undefined;
}

/** A prompt of the relay's operator at a fixed price. */
export interface TaskView {
  /** To be asked for as a model. */
  readonly name: string;
  readonly model: string;
  /** As decimal text; a credit is a cent. */
  readonly credits: string;
  /** Of the text that it takes. */
  readonly charactersMax: number;
}

/** Every method shows in the view what it does and why it failed, and also throws a coded error. */
export interface KeysPort {
  readonly view: Live<KeysView>;
  /** Looks for wallets of the browser until the function it returns is called. */
  look(): () => void;
  /** With this browser's own key, or with a wallet of the browser. @throws `rejected`, `no-wallet`, `bad-sign-in`, `no-keys`, `net-offline`. */
  signIn(wallet: { readonly kind: 'burner' } | { readonly kind: 'injected'; readonly id: string }): Promise<void>;
  signOut(): Promise<void>;
  refresh(): Promise<void>;
  /** @throws `bad-request`, `too-many-keys`, `not-signed-in`. */
  create(wish: KeyWish): Promise<void>;
  revoke(id: string): Promise<void>;
  /**
   * Pays for a whole number of credits with the wallet that has signed in. If the relay falls silent, the same payment is sent again
   * the next time, and is paid once.
   * @throws `terms-differ`, `rejected`, `wrong-chain`, `insufficient-funds`, `chain-unavailable`, `payment-required`.
   */
  buy(credits: number): Promise<void>;
  /** Forgets the key that was made. */
  putAway(): void;
}

export const noKeys: KeysView = {
  phase: 'signed-out',
  found: [],
  address: undefined,
  keys: [],
  made: undefined,
  credits: undefined,
  bought: undefined,
  pending: undefined,
  error: undefined,
};
