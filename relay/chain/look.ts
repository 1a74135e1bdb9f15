import type { AbortOptions } from '#lib/base/abort.ts';
import { deployedChain } from '#lib/pay/chain/calls.ts';
import { currentFees } from '#lib/pay/chain/fees.ts';
import { chainLimits } from '#lib/pay/chain/limits.ts';
import { createRpcClient } from '#lib/pay/chain/rpc-client.ts';
import { paymentChain } from '#lib/pay/chain/transfers.ts';
import { localWallet } from '#lib/pay/wallet/local.ts';

/** What an account that pays gas finds on its chain. */
export interface AccountSight {
  readonly address: string;
  readonly chain: string;
  /** False where they are listed and not there. */
  readonly hasContracts: boolean;
  readonly coins: bigint;
  /** Transactions of the dearest kind that these pay for at today's price. */
  readonly transactions: bigint;
}

export interface AccountQuestion {
  readonly key: string;
  readonly chainId: number;
  /** The chain's own public server where there is none. */
  readonly rpcUrl: string | undefined;
  /** Whether it calls the contracts, or the token alone. */
  readonly uses: 'contracts' | 'token';
}

/** A deposit for somebody else, which takes most. */
const gasMost = 150_000n;

const requestTimeoutMs = 10_000;

/** Changes nothing. @throws `bad-key`, `chain-unknown`, `chain-unavailable`, `wrong-chain`. */
export async function lookAtAccount(
  { key, chainId, rpcUrl, uses }: AccountQuestion,
  { fetch }: { readonly fetch: typeof globalThis.fetch },
  options: AbortOptions = {},
): Promise<AccountSight> {
  const { address } = localWallet(key);
  const entry = uses === 'contracts' ? deployedChain(chainId) : paymentChain(chainId);
  const wanted = (uses === 'contracts' && entry.contracts?.channels) || entry.token.address;
  const node = createRpcClient({ entry, rpcUrl: rpcUrl ?? entry.rpcUrl, fetch, requestTimeoutMs });
  await node.check(options);
  const code = await node.ask((client) => client.getCode({ address: wanted }), options);
  const coins = await node.ask((client) => client.getBalance({ address }), options);
  const { maxFeePerGas } = await currentFees(node, chainLimits, options);
  return {
    address,
    chain: `${entry.name} (${entry.id})`,
    hasContracts: code !== undefined && code !== '0x',
    coins,
    transactions: maxFeePerGas === 0n ? coins : coins / (gasMost * maxFeePerGas),
  };
}
