import { concat, encodeFunctionData, getAbiItem, parseEventLogs, parseSignature, type TransactionReceipt } from 'viem';
import type { AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Mutex } from '#lib/base/mutex.ts';
import { testUsdcAbi } from '#contracts/test-usdc.ts';
import { chains, type ChainEntry } from '#contracts/chains.ts';
import { payError } from '../errors.ts';
import type { Address, Hex, LocalWallet } from '../spec.ts';
import { chainLimits } from './limits.ts';
import { createRpcClient, type RpcClient } from './rpc-client.ts';
import { submit } from './submit.ts';

/** A payment of the chain's token that its owner has signed (EIP-3009, `transferWithAuthorization`). Times in Unix seconds. */
export interface AuthorizedTransfer {
  readonly from: Address;
  readonly to: Address;
  readonly value: bigint;
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  /** 32 bytes; the token accepts each only once from an owner. */
  readonly nonce: Hex;
  /** Of a key: 65 bytes. */
  readonly signature: Hex;
}

/** Collects signed payments. What each came to is read from the chain, so that no crash can lose or double one. */
export interface TransferCollector {
  /** The newest block, to be stored with a payment before it is collected. */
  height(options?: AbortOptions): Promise<bigint>;
  /**
   * Sends a payment, or finds the transaction that carried it out, unless another ledger has sent that. Resolves once it has the
   * chain's confirmations. Idempotent.
   * @param since a block before which it cannot have been sent.
   * @throws `authorization-used` where its nonce was used for something else or cancelled, or by another ledger, `authorization-expired`,
   * `insufficient-funds`, `chain-unavailable`, and those of `submit`.
   */
  collect(transfer: AuthorizedTransfer, since: bigint, options?: AbortOptions): Promise<{ readonly hash: Hex }>;
}

export interface TransferCollectorInit {
  readonly entry: ChainEntry;
  readonly rpcUrl?: string | undefined;
  /** Pays the gas. */
  readonly wallet: LocalWallet;
  /**
   * The mark of the ledger that credits what is collected, 32 bytes: it follows the call in each transaction. Several relays of one ledger have the
   * same. Of two ledgers that are paid at one address, only the one whose relay has sent a payment credits it.
   */
  readonly ledger: () => Promise<Hex>;
  /** Of the wallet's account, whose nonces are used one at a time. */
  readonly turns: Mutex;
  readonly clock: Clock;
  readonly fetch: typeof globalThis.fetch;
}

/** A payment as the token's own event tells it. */
type Moved = Pick<AuthorizedTransfer, 'from' | 'to' | 'value'>;

/** Looks up payments that were collected. */
export interface TransferReader {
  /** Whether the transaction carried this payment out, and the ledger whose mark it bears, if any. @throws `chain-unavailable`. */
  carried(hash: Hex, transfer: Moved, options?: AbortOptions): Promise<Carried | undefined>;
}

export interface Carried {
  /** Undefined for a transaction that no ledger has sent. */
  readonly ledger: Hex | undefined;
}

export function createTransferReader({
  entry,
  rpcUrl = entry.rpcUrl,
  fetch,
}: Pick<TransferCollectorInit, 'entry' | 'rpcUrl' | 'fetch'>): TransferReader {
  const node = createRpcClient({ entry, rpcUrl, fetch, requestTimeoutMs: chainLimits.requestTimeoutMs });
  return {
    async carried(hash, transfer, options) {
      const receipt = await node.receipt(hash, options);
      if (!receipt || !pays(receipt, entry.token.address, transfer)) return undefined;
      return { ledger: await markOf(node, entry.token.address, hash, options) };
    },
  };
}

/**
 * A chain whose token can be paid with, whether Tabloom's contracts are on it or not. @throws `chain-unknown`, with the numbers of
 * those that are known.
 */
export function paymentChain(chainId: number): ChainEntry {
  const entry = chains.find(({ id }) => id === chainId);
  if (entry) return entry;
  throw payError('chain-unknown', { details: { chainId, known: chains.map(({ id }) => id).join(', ') } });
}

export function createTransferCollector({
  entry,
  rpcUrl = entry.rpcUrl,
  wallet,
  ledger,
  turns,
  clock,
  fetch,
}: TransferCollectorInit): TransferCollector {
  const limits = chainLimits;
  const node = createRpcClient({ entry, rpcUrl, fetch, requestTimeoutMs: limits.requestTimeoutMs });
  const token = { address: entry.token.address, abi: testUsdcAbi } as const;

  const find = async (transfer: AuthorizedTransfer, since: bigint, options: AbortOptions) => {
    const { from, nonce } = transfer;
    const args = [from, nonce] as const;
    const isUsed = await node.ask(
      (client) => client.readContract({ ...token, functionName: 'authorizationState', args }),
      options,
    );
    if (!isUsed) return undefined;
    const receipt = await findReceipt(
      node,
      { token: token.address, transfer, since, most: limits.logRangeMax },
      options,
    );
    if (!receipt) throw payError('authorization-used', { details: { nonce } });
    const mark = await markOf(node, token.address, receipt.transactionHash, options);
    // There it is credited.
    if (mark !== undefined && mark !== (await ledger())) {
      throw payError('authorization-used', { details: { nonce, hash: receipt.transactionHash, by: 'another ledger' } });
    }
    return receipt;
  };

  return {
    height: async (options) => (await node.head(options)).number,
    collect: (transfer, since, options = {}) =>
      turns.run(async () => {
        const found = await find(transfer, since, options);
        if (found) return confirmed(node, entry, found);
        const { from, to, value, validAfter, validBefore, nonce } = transfer;
        const { r, s, yParity } = parseSignature(transfer.signature);
        const data = encodeFunctionData({
          ...token,
          functionName: 'transferWithAuthorization',
          args: [from, to, value, validAfter, validBefore, nonce, 27 + yParity, r, s],
        });
        // A token reads its arguments, and nothing behind them.
        const call = { to: entry.token.address, data: concat([data, await ledger()]) };
        try {
          const { transactionHash } = await submit({ node, entry, clock, limits }, wallet, call, options);
          return { hash: transactionHash };
        } catch (error) {
          if (errorCode(error) !== 'authorization-used') throw error;
          // Somebody else has sent it meanwhile, which pays just as well.
          const sent = await find(transfer, since, options);
          if (!sent) throw error;
          return confirmed(node, entry, sent);
        }
      }),
  };
}

/** The selector and nine words. */
const callDigits = 2 + 2 * (4 + 9 * 32);
const markDigits = 2 * 32;

/** The mark behind the call of a transaction that one of our relays has sent; undefined for any other. */
async function markOf(node: RpcClient, token: Address, hash: Hex, options?: AbortOptions): Promise<Hex | undefined> {
  const sent = await node.transaction(hash, options);
  if (!sent?.to || !same(sent.to, token) || sent.input.length !== callDigits + markDigits) return undefined;
  return `0x${sent.input.slice(callDigits).toLowerCase()}`;
}

/** @throws `chain-unavailable` where it has not been confirmed yet: asked again later, it will have been. */
async function confirmed(node: RpcClient, entry: ChainEntry, receipt: TransactionReceipt): Promise<{ hash: Hex }> {
  const { number } = await node.head();
  if (number - receipt.blockNumber + 1n < BigInt(entry.confirmations)) {
    throw payError('chain-unavailable', { details: { hash: receipt.transactionHash, reason: 'not confirmed yet' } });
  }
  return { hash: receipt.transactionHash };
}

interface Search {
  readonly token: Address;
  readonly transfer: AuthorizedTransfer;
  readonly since: bigint;
  readonly most: bigint;
}

/** The transaction that used the nonce for exactly this payment. */
async function findReceipt(
  node: RpcClient,
  { token, transfer, since, most }: Search,
  options: AbortOptions,
): Promise<TransactionReceipt | undefined> {
  const { number: newest } = await node.head(options);
  const event = getAbiItem({ abi: testUsdcAbi, name: 'AuthorizationUsed' });
  for (let from = since; from <= newest; from += most) {
    const to = from + most - 1n < newest ? from + most - 1n : newest;
    const logs = await node.ask(
      (client) =>
        client.getLogs({
          address: token,
          event,
          args: { authorizer: transfer.from, nonce: transfer.nonce },
          fromBlock: from,
          toBlock: to,
        }),
      options,
    );
    for (const { transactionHash } of logs) {
      const receipt = await node.receipt(transactionHash, options);
      if (receipt && pays(receipt, token, transfer)) return receipt;
    }
  }
  return undefined;
}

const pays = ({ logs, status }: TransactionReceipt, token: Address, { from, to, value }: Moved): boolean =>
  status === 'success' &&
  parseEventLogs({ abi: testUsdcAbi, eventName: 'Transfer', logs }).some(
    ({ address, args }) => same(address, token) && same(args.from, from) && same(args.to, to) && args.value === value,
  );

const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
