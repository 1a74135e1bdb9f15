import { parseAbi } from 'viem';
import type { AbortOptions } from '#lib/base/abort.ts';
import type { Address } from '../spec.ts';
import type { RpcClient } from './rpc-client.ts';

/** Chains that ask a fee for a transaction's bytes besides its gas, by their id → whom to ask for it: the OP stack's oracle. */
const oracles: Readonly<Record<number, Address>> = {
  8453: '0x420000000000000000000000000000000000000F',
  84532: '0x420000000000000000000000000000000000000F',
};

const oracleAbi = parseAbi(['function getL1FeeUpperBound(uint256 unsignedTxSize) view returns (uint256)']);

/** Wei that a transaction of so many bytes costs at most besides its gas. @throws `chain-unavailable`. */
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
