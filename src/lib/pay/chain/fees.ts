import type { AbortOptions } from '#lib/base/abort.ts';
import type { ChainLimits } from './limits.ts';
import type { RpcClient } from './rpc-client.ts';

/** EIP-1559 fees, in wei per gas. */
export interface Fees {
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

/** Fees for a transaction sent now: the node's suggested tip, plus twice the base fee. */
export async function currentFees(node: RpcClient, limits: ChainLimits, options: AbortOptions): Promise<Fees> {
  const [block, tip] = await node.ask(
    (client) => Promise.all([client.getBlock({ blockTag: 'latest' }), client.estimateMaxPriorityFeePerGas()]),
    options,
  );
  return capped({ maxFeePerGas: 2n * (block.baseFeePerGas ?? 0n) + tip, maxPriorityFeePerGas: tip }, limits);
}

/** Fees for a replacement: increased by the configured percentage and at least one wei, up to the cap. */
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
