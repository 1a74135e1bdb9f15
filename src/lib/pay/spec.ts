import type { AbortOptions } from '#lib/base/abort.ts';
import type { ChainEntry } from '#contracts/chains.ts';
import type { closings, refusals } from '#contracts/words.ts';

/** A 20-byte account and bytes of any length, as `0x` and hexadecimal digits. */
export type Address = `0x${string}`;
export type Hex = `0x${string}`;
/** Hash of a channel's terms, 32 bytes. */
export type ChannelId = Hex;

/**
 * What two parties agree on before the first unit moves, field for field as the contract has it; its hash is the
 * channel's id. Exactly one of `delay` and `deadline` is not zero.
 */
export interface ChannelTerms {
  /** Whose money it is; unspent money returns here and nowhere else. */
  readonly payer: Address;
  /** Signs vouchers: a session key. */
  readonly payerSigner: Address;
  readonly provider: Address;
  /** Signs closes and claim orders for the provider. */
  readonly providerSigner: Address;
  readonly token: Address;
  /** Session mode: seconds from announcing a withdrawal to making it. */
  readonly delay: number;
  /** Job mode: the last Unix second in which the job may be paid. */
  readonly deadline: number;
  /** 32 random bytes. */
  readonly salt: Hex;
}

/** A promise of `cumulativeAmount` units in all, since the channel began. Newer ones replace older ones. */
export interface Voucher {
  readonly channelId: ChannelId;
  readonly cumulativeAmount: bigint;
  /** 65 bytes over the EIP-712 digest: r, low s, v of 27 or 28. */
  readonly signature: Hex;
}

/** A voucher with the terms that a contract needs to believe it. */
export interface Claim {
  readonly channel: ChannelTerms;
  readonly cumulativeAmount: bigint;
  readonly signature: Hex;
}

/** A provider's permission for somebody else to make exactly these claims against a fee. */
export interface ClaimOrder {
  readonly providerSigner: Address;
  /** Who may use it; the zero address for whoever comes first. */
  readonly relay: Address;
  /** Units taken out of the provider's part of each accepted claim. */
  readonly feePerClaim: bigint;
  /** Unix seconds; void from then on. */
  readonly validBefore: number;
  readonly claimsHash: Hex;
}

export interface SignedClaimOrder {
  readonly order: ClaimOrder;
  readonly claims: readonly Claim[];
  readonly signature: Hex;
}

/** What the contract keeps of a channel; all zero when it was never opened. */
export interface OnChainState {
  readonly balance: bigint;
  readonly claimed: bigint;
  /** Unix seconds; 0 while open, `closedMark` for ever after the end. */
  readonly withdrawableAt: number;
}

/** `withdrawableAt` of a channel that has ended: the largest 48-bit number. */
export const closedMark = 2 ** 48 - 1;

export interface Head {
  readonly number: bigint;
  readonly hash: Hex;
  /** Unix seconds. The contracts know no other time. */
  readonly timestamp: number;
}

export type VoucherRefusal = (typeof refusals)[number];
export type Closing = (typeof closings)[number];

/** What the contracts said in a block. */
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
  | { readonly type: 'described'; readonly provider: Address; readonly offerKey: Hex };

/** A chain the contracts have been deployed to. */
export type DeployedChain = ChainEntry & { readonly contracts: NonNullable<ChainEntry['contracts']> };

/** A call of a contract, ready to send. */
export interface ContractCall {
  readonly to: Address;
  readonly data: Hex;
}

/** A transaction that has the chain's number of confirmations. */
export interface Mined {
  readonly hash: Hex;
  readonly blockNumber: bigint;
  readonly gasUsed: bigint;
  readonly events: readonly ChainEvent[];
}

/**
 * A chain as this room sees it. Reads answer for the newest block. Errors: `chain-unavailable`, `wrong-chain`; whatever
 * a contract reverts with comes out under the code that `contract-errors.ts` has for it.
 */
export interface Chain {
  readonly entry: DeployedChain;
  head(options?: AbortOptions): Promise<Head>;
  /** The hash of a block by its number; null where there is none yet, or none any more. */
  blockHash(number: bigint, options?: AbortOptions): Promise<Hex | null>;
  channel(id: ChannelId, options?: AbortOptions): Promise<OnChainState>;
  /** Units credited to `payee` and not yet paid out. */
  owed(payee: Address, options?: AbortOptions): Promise<bigint>;
  tokenBalance(owner: Address, options?: AbortOptions): Promise<bigint>;
  /** The chain's own coin, in wei. */
  coinBalance(owner: Address, options?: AbortOptions): Promise<bigint>;
  /** The next nonce for the token's permits. */
  permitNonce(owner: Address, options?: AbortOptions): Promise<bigint>;
  stake(provider: Address, options?: AbortOptions): Promise<Stake>;
  /** Wei for one unit of gas, as a transaction sent now would offer. */
  gasPrice(options?: AbortOptions): Promise<bigint>;
  /** Wei that a transaction of so many bytes costs at most besides its gas; zero where a chain asks for gas alone. */
  dataFee(bytes: number, options?: AbortOptions): Promise<bigint>;
  /** Events of blocks `from` to `to`, both included. @throws `range-too-long` above `logRangeMax` blocks. */
  events(from: bigint, to: bigint, options?: AbortOptions): Promise<readonly ChainEvent[]>;
  /** What the call would return if `from` sent it now; nothing changes. */
  simulate(from: Address, call: ContractCall, options?: AbortOptions): Promise<Hex>;
  /** Simulates, sends, replaces while stuck, and waits for the confirmations. One at a time for each wallet. */
  transact(wallet: Wallet, call: ContractCall, options?: AbortOptions): Promise<Mined>;
}

export interface Stake {
  readonly bonded: bigint;
  readonly unbonding: bigint;
  /** Unix seconds from which the unbonding part may leave; 0 when nothing unbonds. */
  readonly unbondedAt: number;
  readonly offerKey: Hex;
  readonly metadataHash: Hex;
  readonly pricesHash: Hex;
}

/** An EIP-712 message, as wallets show it to people. */
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

/** A key on this device: it signs without asking, and signs again when a transaction is stuck. */
export interface LocalWallet {
  readonly type: 'local';
  readonly address: Address;
  signTypedData(data: TypedData, options?: AbortOptions): Promise<Hex>;
  signTransaction(draft: TransactionDraft): Promise<Hex>;
}

/** A person's wallet in the browser: each call may ask them, and they may say no (`rejected`). */
export interface InjectedWallet {
  readonly type: 'injected';
  readonly address: Address;
  chainId(options?: AbortOptions): Promise<number>;
  signTypedData(data: TypedData, options?: AbortOptions): Promise<Hex>;
  /** @returns the transaction's hash; nonce and fees are the wallet's affair. */
  sendTransaction(
    draft: Pick<TransactionDraft, 'chainId' | 'to' | 'data' | 'gas'>,
    options?: AbortOptions,
  ): Promise<Hex>;
}

export type Wallet = LocalWallet | InjectedWallet;

/** Which end of a channel this device is. */
export type Side = 'payer' | 'payee';

/** Where a record lies: one device may be on both ends of a channel, and on several chains. */
export interface RecordKey {
  readonly chainId: number;
  readonly side: Side;
  readonly id: ChannelId;
}

/** One channel as kept on this device: all that is needed to go on after a crash. */
export interface ChannelRecord extends RecordKey {
  readonly terms: ChannelTerms;
  /** Counts the writes; a writer that did not see the newest is refused. */
  readonly revision: number;
  /** The newest voucher made or received. */
  readonly voucher: Voucher | null;
  /** What was last seen of the chain. */
  readonly seen: OnChainState;
  /** The payee's own word: the job is done, and what it agreed to end with. See `channel.ts`. */
  readonly isDelivered: boolean;
  readonly agreed: bigint | null;
}

/**
 * Where vouchers outlive a crash. `save` resolves only once the record is durable, and is atomic against a crash. Against
 * another writer it compares the revision and then writes, which is two steps: the writes of one store object go one
 * after the other, and of several windows only the one that holds the identity's lock may open the store.
 * Errors: `store-conflict` when the record's revision is not the stored one plus one, `bad-record` when what is stored
 * cannot be read; the storage's own codes pass through.
 */
export interface VoucherStore {
  load(key: RecordKey): Promise<ChannelRecord | null>;
  save(record: ChannelRecord): Promise<void>;
  /** Nothing happens for one that is not there. */
  delete(key: RecordKey): Promise<void>;
  /** At most `limit` of one side of one chain, in the order of their ids. What cannot be read stops nothing. */
  list(of: Omit<RecordKey, 'id'>, limit: number): Promise<Listed<ChannelRecord>>;
}

/** What a list found, and the keys of what it found and could not read: nobody writes over those. */
export interface Listed<T> {
  readonly records: readonly T[];
  readonly unreadable: readonly string[];
}
