import type { AbortOptions } from '#lib/base/abort.ts';
import type { ChainLimits } from './limits.ts';
import type { RpcClient } from './rpc-client.ts';

/** Wei per gas, as of EIP-1559. */
export interface Fees {
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

/** What a transaction sent now should offer: the tip the node suggests, and twice the base fee on top of it. */
export async function currentFees(node: RpcClient, limits: ChainLimits, options: AbortOptions): Promise<Fees> {
  const [block, tip] = await node.ask(
    (client) => Promise.all([client.getBlock({ blockTag: 'latest' }), client.estimateMaxPriorityFeePerGas()]),
    options,
  );
  return capped({ maxFeePerGas: 2n * (block.baseFeePerGas ?? 0n) + tip, maxPriorityFeePerGas: tip }, limits);
}

/** The fees of a replacement: higher by the given percentage, at least by one wei, never above the cap. */
export function bump({ maxFeePerGas, maxPriorityFeePerGas }: Fees, limits: ChainLimits): Fees {
  const raise = (fee: bigint) => (fee * limits.bumpPercent) / 100n + 1n;
  return capped({ maxFeePerGas: raise(maxFeePerGas), maxPriorityFeePerGas: raise(maxPriorityFeePerGas) }, limits);
}

function capped(fees: Fees, { feePerGasMax }: ChainLimits): Fees {
  const maxFeePerGas = fees.maxFeePerGas < feePerGasMax ? fees.maxFeePerGas : feePerGasMax;
  const { maxPriorityFeePerGas } = fees;
  return {
    maxFeePerGas,
    maxPriorityFeePerGas: maxPriorityFeePerGas < maxFeePerGas ? maxPriorityFeePerGas : maxFeePerGas,
  };
}
