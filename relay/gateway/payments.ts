import type { AbortOptions } from '#lib/base/abort.ts';
import type { Registration } from '#lib/pay/registry.ts';
import type { SponsorQuote, Sponsored } from '#lib/pay/sponsor-wire.ts';
import type { Offer } from '#lib/protocol/offer.ts';
import type { RelayPayments } from '#lib/protocol/relay-info.ts';
import type { RateLimits } from './rate-limits.ts';

/** What others may ask of the chain that this relay names. */
export interface Payments {
  /** As `/relay.json` names it. */
  readonly info: RelayPayments;
  /** Apart from those of jobs: a wallet reads the chain more often than anybody asks a model. */
  readonly rates: RateLimits;
  /** Passes a request on to the chain's server; methods that change nothing, and signed transactions. @throws `chain-unavailable`. */
  rpc(request: RpcRequest, options?: AbortOptions): Promise<RpcResponse>;
  /** What the chain says of an offer's provider, as far as it is known. */
  registrationOf(offer: Pick<Offer, 'peer' | 'payout'>): ShownRegistration | undefined;
  /** Undefined where it sends nothing. Its rates are narrower, as each request may cost a transaction. */
  readonly sponsor?: (SponsorDesk & { readonly rates: RateLimits }) | undefined;
  /** Undefined where money is not made of nothing. */
  readonly faucet?: Faucet | undefined;
}

/** `mismatched`: the chain's registry gives the provider to another peer, and nobody pays for the offer. */
export type ShownRegistration = Registration | 'mismatched';

/** What the relay sends for others, for a fee that they sign. Codes are those of the library's sponsor and watcher. */
export interface SponsorDesk {
  /** What it sends for now. */
  quote(): Promise<SponsorQuote>;
  /** Sends what was signed, once the chain has confirmed it. Goes on when the caller has gone. */
  send(request: unknown): Promise<Sponsored>;
  /** Keeps a claim order of a provider that goes offline. */
  entrust(order: unknown): Promise<Entrusted>;
}

export interface Entrusted {
  readonly provider_signer: string;
  /** Unix seconds. */
  readonly valid_before: number;
  readonly claims: number;
}

export interface Faucet {
  /** @returns units of the token. @throws `bad-address`, `faucet-dry`, `gateway-busy`, `chain-unavailable`. */
  give(address: unknown, options?: AbortOptions): Promise<{ readonly amount: bigint }>;
}

/** By JSON-RPC 2.0. */
export interface RpcRequest {
  readonly id: string | number | null;
  readonly method: string;
  readonly params: readonly unknown[];
}

export interface RpcResponse {
  readonly jsonrpc: '2.0';
  readonly id: RpcRequest['id'];
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown } | undefined;
}
