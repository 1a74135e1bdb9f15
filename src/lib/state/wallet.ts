import type { ErrorRecord } from '#lib/base/errors.ts';
import type { Live } from '#lib/base/live.ts';
import type { NetworkView } from './network.ts';
import type { Settings } from './settings.ts';

/** The wallet of this browser as this tab knows it. Amounts are in the smallest unit of the chain's token. */
export interface WalletView {
  /**
   * `no-chain`: the relay of this page names none. `elsewhere`: another tab of this browser holds the device's key, and the
   * wallet with it. `none`: no wallet has been chosen here.
   */
  readonly phase: 'starting' | 'no-chain' | 'elsewhere' | 'none' | 'ready';
  readonly chain: WalletChainView | undefined;
  readonly account: WalletAccount | undefined;
  /** Wallets that announced themselves to this page; empty until looked for. */
  readonly found: readonly FoundWalletView[];
  /** Undefined until they have been read from the chain. */
  readonly holdings: HoldingsView | undefined;
  readonly days: readonly MoneyDay[];
  /** Newest first. */
  readonly history: readonly MoneyEvent[];
  /** What is being done now, and since when: milliseconds since the epoch. */
  readonly pending: { readonly action: WalletAction; readonly since: number } | undefined;
  /** A wallet of the browser waits for its owner. */
  readonly asks: boolean;
  /** Why the last action, or reading the chain, failed. */
  readonly error: (ErrorRecord & { readonly action: WalletAction }) | undefined;
}

export interface WalletChainView {
  readonly id: number;
  readonly name: string;
  readonly isLocal: boolean;
  readonly explorerUrl: string | null;
  /** Of the token, such as `USDC`. */
  readonly symbol: string;
  readonly hasFaucet: boolean;
  /** The relay sends for wallets without gas, for a fee. */
  readonly hasSponsor: boolean;
}

/** `burner`: a key in this browser's storage. `injected`: a wallet of the browser, by the id it announces. */
export type WalletAccount =
  | { readonly kind: 'burner'; readonly address: string }
  | { readonly kind: 'injected'; readonly id: string; readonly name: string; readonly address: string };

export interface FoundWalletView {
  readonly id: string;
  readonly name: string;
}

export interface HoldingsView {
  /** In the wallet. */
  readonly balance: bigint;
  /** Whether it has coins of the chain, which pay for transactions. */
  readonly hasGas: boolean;
  /** Whether there is anything to pay with: in the wallet, or not promised yet in a channel. */
  readonly canPay: boolean;
  readonly channels: readonly ChannelView[];
  readonly earned: EarnedView;
  /** Milliseconds since the epoch. */
  readonly readAt: number;
}

/** A channel that this wallet pays from. */
export interface ChannelView {
  readonly id: string;
  readonly provider: string;
  readonly phase: 'opening' | 'open' | 'leaving' | 'due' | 'closed';
  readonly deposit: bigint;
  readonly promised: bigint;
  /** Unix seconds from which it can be withdrawn, once left. */
  readonly withdrawableAt: number | undefined;
  /** Nothing is paid from it any more: the key that signs for it has run out, or another wallet is used now. */
  readonly isRetired: boolean;
}

export interface EarnedView {
  /** Promised to this wallet and not claimed yet. */
  readonly unclaimed: bigint;
  /** Claimed and not paid out yet. */
  readonly owed: bigint;
}

/** What a day's answers cost and earned. */
export interface MoneyDay {
  /** `2026-11-29`, in UTC. */
  readonly day: string;
  readonly spent: bigint;
  readonly earned: readonly { readonly model: string; readonly units: bigint }[];
}

export interface MoneyEvent {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly type:
    | 'answer-paid'
    | 'answer-earned'
    | 'channel-opened'
    | 'channel-topped-up'
    | 'withdrawal-announced'
    | 'withdrawn'
    | 'claimed'
    | 'paid-out'
    | 'faucet';
  readonly units: bigint | undefined;
  /** Of the transaction, where there is one. */
  readonly hash: string | undefined;
  readonly model: string | undefined;
}

export type WalletAction =
  'refresh' | 'choose' | 'pay' | 'faucet' | 'leave' | 'withdraw' | 'collect' | 'set-price' | 'export';

/** What an answer may cost. */
export interface Paying {
  readonly chain: number;
  readonly budget: bigint;
}

/** Every method shows in the view what it does and why it failed, and also throws a coded error. */
export interface WalletPort {
  readonly view: Live<WalletView>;
  /** Reads the wallet from the chain. Does nothing where there is none. */
  refresh(): Promise<void>;
  /** Looks for wallets of the browser until the function it returns is called. */
  look(): () => void;
  /** Uses a key in this browser's storage: the one that is there, or a new one. */
  useBurner(): Promise<void>;
  /** Replaces it with this private key; the former stays stored. */
  importBurner(privateKey: string): Promise<void>;
  /** The private key of the burner. */
  exportBurner(): Promise<string>;
  /** @throws `no-wallet`, `rejected`, `wrong-chain`, `wallet-failed`. */
  connect(id: string): Promise<void>;
  /** Test money, on a local chain. */
  askFaucet(): Promise<void>;
  /** Announces the withdrawal of a channel. */
  leave(channel: string): Promise<void>;
  /** Withdraws whatever is due. */
  withdraw(): Promise<void>;
  /** Claims what was earned and has it paid out. */
  collect(): Promise<void>;
}

export const noWallet: WalletView = {
  phase: 'starting',
  chain: undefined,
  account: undefined,
  found: [],
  holdings: undefined,
  days: [],
  history: [],
  pending: undefined,
  asks: false,
  error: undefined,
};

/**
 * What this page may pay for an answer: only once the user has agreed, only under the device's own key, and never in private
 * mode, where a payment would tell who asks.
 */
export function payingNow(
  { payAnswers, payPerAnswer, privateMode }: Settings,
  { identity }: NetworkView,
  { phase, chain, holdings }: WalletView,
): Paying | undefined {
  if (!payAnswers || privateMode || identity !== 'own' || phase !== 'ready' || !chain) return undefined;
  const budget = BigInt(payPerAnswer);
  return budget > 0n && holdings?.canPay !== false ? { chain: chain.id, budget } : undefined;
}
