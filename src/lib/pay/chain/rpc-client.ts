import { createPublicClient, defineChain, http, type Hash, type PublicClient, type TransactionReceipt } from 'viem';
import { raceSignal, type AbortOptions } from '#lib/base/abort.ts';
import type { ChainEntry } from '#contracts/chains.ts';
import { payError } from '../errors.ts';
import type { ContractCall, Address, Head, Hex } from '../spec.ts';
import { toPayError } from './rpc-errors.ts';

/** One JSON-RPC node: the few requests that are needed, each with coded errors and an abort signal. */
export interface RpcClient {
  readonly client: PublicClient;
  /** Runs a request. @throws its failure as a coded error. */
  ask<T>(question: (client: PublicClient) => Promise<T>, options?: AbortOptions): Promise<T>;
  /** @throws `wrong-chain` unless the node serves the entry's chain. Checked only once. */
  check(options?: AbortOptions): Promise<void>;
  head(options?: AbortOptions): Promise<Head>;
  /** Null if there is no block with this number. */
  blockHash(number: bigint, options?: AbortOptions): Promise<Hash | null>;
  call(from: Address, call: ContractCall, options?: AbortOptions): Promise<Hex>;
  /** Null while the transaction is not in a block. */
  receipt(hash: Hash, options?: AbortOptions): Promise<TransactionReceipt | null>;
  /** Null if the node does not know the transaction. */
  transaction(hash: Hash, options?: AbortOptions): Promise<Pick<SentTransaction, 'nonce' | 'to' | 'input'> | null>;
  /** The transactions of a block. */
  transactions(number: bigint, options?: AbortOptions): Promise<readonly SentTransaction[]>;
}

export interface SentTransaction {
  readonly hash: Hash;
  readonly from: Address;
  readonly nonce: number;
  readonly to: Address | null;
  readonly input: Hex;
}

export interface RpcClientInit {
  readonly entry: ChainEntry;
  readonly rpcUrl: string;
  readonly fetch: typeof globalThis.fetch;
  readonly requestTimeoutMs: number;
}

export function createRpcClient({ entry, rpcUrl, fetch, requestTimeoutMs }: RpcClientInit): RpcClient {
  const client = createPublicClient({
    chain: defineChain({
      id: entry.id,
      name: entry.name,
      nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
      rpcUrls: { default: { http: [rpcUrl] } },
    }),
    transport: http(rpcUrl, { fetchFn: fetch, retryCount: 0, timeout: requestTimeoutMs }),
    cacheTime: 0,
  });
  let checked = false;
  const ask: RpcClient['ask'] = async (question, { signal } = {}) => {
    try {
      return await raceSignal(question(client), signal);
    } catch (error) {
      throw toPayError(error);
    }
  };
  return {
    client,
    ask,
    async check(options) {
      if (checked) return;
      const actual = await ask((node) => node.getChainId(), options);
      if (actual !== entry.id) throw payError('wrong-chain', { details: { expected: entry.id, actual } });
      checked = true;
    },
    async head(options) {
      const { number, hash, timestamp } = await ask((node) => node.getBlock({ blockTag: 'latest' }), options);
      return { number, hash, timestamp: Number(timestamp) };
    },
    call: async (from, { to, data }, options) =>
      (await ask((node) => node.call({ account: from, to, data }), options)).data ?? '0x',
    blockHash: (blockNumber, options) =>
      ask(
        (node) =>
          orNull('BlockNotFoundError', async () => {
            const { hash } = await node.getBlock({ blockNumber });
            return hash;
          }),
        options,
      ),
    transaction: (hash, options) =>
      ask((node) => orNull('TransactionNotFoundError', () => node.getTransaction({ hash })), options),
    transactions: async (blockNumber, options) =>
      (await ask((node) => node.getBlock({ blockNumber, includeTransactions: true }), options)).transactions,
    receipt: (hash, options) =>
      ask((node) => orNull('TransactionReceiptNotFoundError', () => node.getTransactionReceipt({ hash })), options),
  };
}

/** Turns viem's not-found error into null. */
async function orNull<T>(errorName: string, question: () => Promise<T>): Promise<T | null> {
  try {
    return await question();
  } catch (error) {
    if ((error as Error).name === errorName) return null;
    throw error;
  }
}
