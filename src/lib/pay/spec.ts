import type { AbortOptions } from '#lib/base/abort.ts';
import type { ChainEntry } from '#contracts/chains.ts';
import type { closings, refusals } from '#contracts/words.ts';

/** A 20-byte address, and bytes of any length, as `0x` and hexadecimal digits. */
export type Address = `0x${string}`;
export type Hex = `0x${string}`;
/** Hash of a channel's terms, 32 bytes. */
export type ChannelId = Hex;

/**
 * The terms two parties agree on before any money moves, field for field as in the contract; their hash is the channel
 * id. Exactly one of `delay` and `deadline` is non-zero.
 */
export interface ChannelTerms {
  /** Owner of the deposit; unspent money always returns here. */
  readonly payer: Address;
  /** Signs vouchers; typically a session key. */
  readonly payerSigner: Address;
  readonly provider: Address;
  /** Signs closes and claim orders for the provider. */
  readonly providerSigner: Address;
  readonly token: Address;
  /** Session mode: seconds between announcing a withdrawal and making it. */
  readonly delay: number;
  /** Job mode: the last Unix second in which the job can be claimed. */
  readonly deadline: number;
  /** 32 random bytes. */
  readonly salt: Hex;
}

/** A promise of `cumulativeAmount` units in total since the channel was opened. Newer vouchers supersede older ones. */
export interface Voucher {
  readonly channelId: ChannelId;
  readonly cumulativeAmount: bigint;
  /** 65-byte signature of the EIP-712 digest: r, low s, v of 27 or 28. */
  readonly signature: Hex;
}

/** A voucher with the channel terms, which the contract needs to verify it. */
export interface Claim {
  readonly channel: ChannelTerms;
  readonly cumulativeAmount: bigint;
  readonly signature: Hex;
}

/** A provider's permission for a relay to make exactly these claims for a fee. */
export interface ClaimOrder {
  readonly providerSigner: Address;
  /** The relay that may use it; the zero address allows any. */
  readonly relay: Address;
  /** Units deducted from the provider's share of each accepted claim. */
  readonly feePerClaim: bigint;
  /** Unix seconds from which the order is void. */
  readonly validBefore: number;
  readonly claimsHash: Hex;
}

/** A payee's permission to pay it out for a fee, once. */
export interface SettleOrder {
  readonly payee: Address;
  readonly token: Address;
  /** The account that is paid the fee, whichever sends; the zero address pays the sender. */
  readonly sponsor: Address;
  readonly fee: bigint;
  /** The least that must reach the payee after the fee. */
  readonly payeeMin: bigint;
  /** Unix seconds from which the order is void. */
  readonly validBefore: number;
  /** The payee's next nonce. */
  readonly nonce: bigint;
}

export interface SignedClaimOrder {
  readonly order: ClaimOrder;
  readonly claims: readonly Claim[];
  readonly signature: Hex;
}

/** A channel's state in the contract; all zero if it was never opened. */
export interface OnChainState {
  readonly balance: bigint;
  readonly claimed: bigint;
  /** Unix seconds; 0 while open, `closedSentinel` once closed. */
  readonly withdrawableAt: number;
}

/** `withdrawableAt` of a closed channel: the largest 48-bit number. */
export const closedSentinel = 2 ** 48 - 1;

export interface Head {
  readonly number: bigint;
  readonly hash: Hex;
  /** Unix seconds: the only time the contracts use. */
  readonly timestamp: number;
}

export type VoucherRefusal = (typeof refusals)[number];
export type Closing = (typeof closings)[number];

/** Events emitted by the contracts. */
export type ChainEvent =
  | { readonly type: 'opened'; readonly channelId: ChannelId; readonly terms: ChannelTerms; readonly amount: bigint }
  | { readonly type: 'topped-up'; readonly channelId: ChannelId; readonly amount: bigint; readonly balance: bigint }
  | { readonly type: 'claimed'; readonly channelId: ChannelId; readonly claimed: bigint; readonly treasuryPart: bigint }
  | { readonly type: 'claim-skipped'; readonly channelId: ChannelId; readonly refusal: VoucherRefusal }
  | { readonly type: 'withdrawal-announced'; readonly channelId: ChannelId; readonly withdrawableAt: number }
  | {
      readonly type: 'closed';
      readonly channelId: ChannelId;
      readonly closing: Closing;
      readonly claimed: bigint;
      readonly returned: bigint;
    }
  | { readonly type: 'relay-paid'; readonly relay: Address; readonly provider: Address; readonly amount: bigint }
  | { readonly type: 'settled'; readonly token: Address; readonly payee: Address; readonly amount: bigint }
  | { readonly type: 'bonded'; readonly provider: Address; readonly amount: bigint; readonly stake: bigint }
  | { readonly type: 'unbonding-started'; readonly provider: Address; readonly amount: bigint; readonly at: number }
  | { readonly type: 'unbonded'; readonly provider: Address; readonly amount: bigint }
  | { readonly type: 'described'; readonly provider: Address; readonly offerKey: Hex }
  | {
      readonly type: 'slashed';
      readonly provider: Address;
      readonly burned: bigint;
      /** Went to the dispute contract, which shares it out. */
      readonly awarded: bigint;
    }
  | {
      readonly type: 'dispute-opened';
      readonly disputeId: bigint;
      readonly provider: Address;
      readonly challenger: Address;
      readonly receiptHash: Hex;
      readonly penalty: bigint;
      readonly counterBond: bigint;
    }
  | { readonly type: 'dispute-ended'; readonly disputeId: bigint; readonly outcome: string; readonly slashed: bigint }
  | { readonly type: 'award-collected'; readonly payee: Address; readonly amount: bigint };

/** A chain the contracts are deployed on. */
export type DeployedChain = ChainEntry & { readonly contracts: NonNullable<ChainEntry['contracts']> };

/** An encoded contract call, ready to send. */
export interface ContractCall {
  readonly to: Address;
  readonly data: Hex;
}

/** A transaction with the chain's required number of confirmations. */
export interface Mined {
  readonly hash: Hex;
  readonly blockNumber: bigint;
  readonly gasUsed: bigint;
  readonly events: readonly ChainEvent[];
}

/**
 * The chain port. Reads refer to the newest block. Errors: `chain-unavailable`, `wrong-chain`, and contract reverts
 * under the codes in `contract-errors.ts`.
 */
export interface Chain {
  readonly entry: DeployedChain;
  head(options?: AbortOptions): Promise<Head>;
  /** The hash of a block by number; null if there is no such block (yet, or after a reorganisation). */
  blockHash(number: bigint, options?: AbortOptions): Promise<Hex | null>;
  channel(id: ChannelId, options?: AbortOptions): Promise<OnChainState>;
  /** Units credited to `payee` but not yet paid out. */
  owed(payee: Address, options?: AbortOptions): Promise<bigint>;
  /** The nonce of the payee's next order to settle. */
  settleNonce(payee: Address, options?: AbortOptions): Promise<bigint>;
  tokenBalance(owner: Address, options?: AbortOptions): Promise<bigint>;
  /** Balance of the chain's native coin, in wei. */
  coinBalance(owner: Address, options?: AbortOptions): Promise<bigint>;
  stake(provider: Address, options?: AbortOptions): Promise<Stake>;
  /** True if the account is a contract, or acts as one: its signatures are checked by code of its own, for any amount of gas. */
  hasCode(account: Address, options?: AbortOptions): Promise<boolean>;
  /** Gas the call would take if `from` sent it now. */
  estimateGas(from: Address, call: ContractCall, options?: AbortOptions): Promise<bigint>;
  /** Wei per unit of gas that a transaction sent now would offer. */
  gasPrice(options?: AbortOptions): Promise<bigint>;
  /** Upper bound, in wei, of the data fee for a transaction of this size; zero on chains that only charge gas. */
  dataFee(bytes: number, options?: AbortOptions): Promise<bigint>;
  /** Events of blocks `from` to `to`, inclusive. @throws `range-too-long` above `logRangeMax` blocks. */
  events(from: bigint, to: bigint, options?: AbortOptions): Promise<readonly ChainEvent[]>;
  /** The return data of the call if `from` sent it now; changes nothing. */
  simulate(from: Address, call: ContractCall, options?: AbortOptions): Promise<Hex>;
  /** Simulates, sends, replaces if stuck, and waits for confirmations. Transactions of one wallet are serialised. */
  transact(wallet: Wallet, call: ContractCall, options?: AbortOptions): Promise<Mined>;
}

export interface Stake {
  readonly bonded: bigint;
  readonly unbonding: bigint;
  /** Unix seconds from which the unbonding stake can be withdrawn; 0 if nothing is unbonding. */
  readonly unbondedAt: number;
  /** Bonded enough and described. */
  readonly isListed: boolean;
  /** The Ed25519 key of the peer whose offers are its own; zero where it has said nothing. */
  readonly offerKey: Hex;
  readonly metadataHash: Hex;
  readonly pricesHash: Hex;
}

/** An EIP-712 message, as wallets display it. */
export interface TypedData {
  readonly domain: {
    readonly name: string;
    readonly version: string;
    readonly chainId: number;
    readonly verifyingContract: Address;
  };
  readonly types: Readonly<Record<string, readonly { readonly name: string; readonly type: string }[]>>;
  readonly primaryType: string;
  readonly message: Readonly<Record<string, unknown>>;
}

export interface TransactionDraft {
  readonly chainId: number;
  readonly to: Address;
  readonly data: Hex;
  readonly gas: bigint;
  readonly nonce: number;
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

/** A key on this device: signs without confirmation, and signs again to replace a stuck transaction. */
export interface LocalWallet {
  readonly type: 'local';
  readonly address: Address;
  signTypedData(data: TypedData, options?: AbortOptions): Promise<Hex>;
  /** Text for people, by EIP-191. */
  signMessage(message: string, options?: AbortOptions): Promise<Hex>;
  signTransaction(draft: TransactionDraft): Promise<Hex>;
}

/** The user's browser wallet: each call may prompt the user, who may decline (`rejected`). */
export interface InjectedWallet {
  readonly type: 'injected';
  readonly address: Address;
  chainId(options?: AbortOptions): Promise<number>;
  signTypedData(data: TypedData, options?: AbortOptions): Promise<Hex>;
  signMessage(message: string, options?: AbortOptions): Promise<Hex>;
  /** @returns the transaction hash; the wallet chooses nonce and fees. */
  sendTransaction(
    draft: Pick<TransactionDraft, 'chainId' | 'to' | 'data' | 'gas'>,
    options?: AbortOptions,
  ): Promise<Hex>;
}

export type Wallet = LocalWallet | InjectedWallet;

/** Which side of a channel this device is on. */
export type Side = 'payer' | 'payee';

/** The key of a record: one device may be on both sides of a channel and on several chains. */
export interface RecordKey {
  readonly chainId: number;
  readonly side: Side;
  readonly id: ChannelId;
}

/** The persistent record of one channel: everything needed to continue after a crash. */
export interface ChannelRecord extends RecordKey {
  readonly terms: ChannelTerms;
  /** Incremented by every write; a writer with a stale revision is refused. */
  readonly revision: number;
  /** The newest voucher made or received. */
  readonly voucher: Voucher | null;
  /** The last observed on-chain state. */
  readonly seen: OnChainState;
  /** The payee's commitments: the job is done, and the agreed final amount. See `channel.ts`. */
  readonly isDelivered: boolean;
  readonly agreed: bigint | null;
}

/** What a session key promises with a voucher. */
export interface Spent {
  /** The key's address. */
  readonly key: Address;
  readonly units: bigint;
  /** Unix seconds, by the chain. */
  readonly now: number;
}

/**
 * Crash-safe storage for vouchers. `save` resolves only once the record is durable; comparing its revision, counting what the key
 * has spent and writing are one step, with respect to crashes and to other windows. Errors: `store-conflict` if the record's
 * revision is not the stored one plus one, `session-limit` and `session-expired` of the key, `bad-record` if a stored record
 * cannot be parsed; the storage's own codes pass through, of which `storage-full` has stored nothing.
 */
export interface VoucherStore {
  load(key: RecordKey): Promise<ChannelRecord | null>;
  save(record: ChannelRecord, spent?: Spent): Promise<void>;
  /** Units a session key has promised in all. */
  spent(key: Address): Promise<bigint>;
  /** Does nothing if there is no such record. */
  delete(key: RecordKey): Promise<void>;
  /** At most `limit` records of one side on one chain, ordered by id. Unreadable records are reported and skipped. */
  list(of: Omit<RecordKey, 'id'>, limit: number): Promise<Listed<ChannelRecord>>;
}

/** The records found, and the keys of those that could not be parsed, which must not be overwritten. */
export interface Listed<T> {
  readonly records: readonly T[];
  readonly unreadable: readonly string[];
}
