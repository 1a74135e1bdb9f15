import { parseAbi } from 'viem';
import type { AbortOptions } from '#lib/base/abort.ts';
import type { Address } from '../spec.ts';
import type { RpcClient } from './rpc-client.ts';

/** Chains that charge for a transaction's bytes in addition to gas: chain id → OP stack gas price oracle. */
const oracles: Readonly<Record<number, Address>> = {
  8453: '0x420000000000000000000000000000000000000F',
  84532: '0x420000000000000000000000000000000000000F',
};

const oracleAbi = parseAbi(['function getL1FeeUpperBound(uint256 unsignedTxSize) view returns (uint256)']);

/** Upper bound, in wei, of the data fee for a transaction of this size, excluding gas. @throws `chain-unavailable`. */
export async function dataFee(
  node: RpcClient,
  chainId: number,
  bytes: number,
  options?: AbortOptions,
): Promise<bigint> {
  const address = oracles[chainId];
  if (!address) return 0n;
  return node.ask(
    (client) =>
      client.readContract({ address, abi: oracleAbi, functionName: 'getL1FeeUpperBound', args: [BigInt(bytes)] }),
    options,
  );
}
