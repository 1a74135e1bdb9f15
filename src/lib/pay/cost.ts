import type { AbortOptions } from '#lib/base/abort.ts';
import type { ChannelCosts } from './ports.ts';
import type { Chain } from './spec.ts';

/**
 * Prices for computing a transaction's cost in the token. Exact fractions, because a unit of gas is worth far less than
 * a unit of any token.
 */
export interface GasTerms {
  /** Wei per unit of gas. */
  readonly gasPriceWei: bigint;
  /**
   * Upper bound, in wei, of a batch's data fee: fixed part and part per channel. Zero on chains that only charge gas.
   */
  readonly dataFeeWei: { readonly base: bigint; readonly channel: bigint };
  /** `units` of the token are worth `wei` of the chain's coin. */
  readonly rate: Rate;
}

export interface Rate {
  readonly units: bigint;
  readonly wei: bigint;
}

/** Maximum claims per transaction. */
export const batchMax = 100;

/**
 * Gas of a batch: fixed part and part per channel. Rounded up from the most expensive cases in contracts/gas.json, a
 * single first claim and a batch under a claim order.
 */
export const batchGas = { base: 67_000n, channel: 22_000n } as const;

/** Transaction size of a batch, including a claim order: fixed part and part per channel. */
export const batchBytes = { base: 600, channel: 512 } as const;

/** The provider's share of a claim at the highest fee governance can set, in hundredths of a percent. */
const providerBpsMin = 8_000n;

/** The provider's minimum proceeds from a claim, in units. */
export const providerPart = (units: bigint): bigint => (units * providerBpsMin) / 10_000n;

/** Upper bound of a batch's cost in units, rounded up. */
export const batchCost = (channels: number, gas: GasTerms): bigint =>
  costOf(batchGas.base, gas.dataFeeWei.base, 1, gas) + channelCost(channels, gas);

/** Cost in units that this many channels add to a batch. */
export const channelCost = (channels: number, gas: GasTerms): bigint =>
  costOf(batchGas.channel, gas.dataFeeWei.channel, channels, gas);

/** Gas of a transaction that settles, rounded up from the first one of a payee in contracts/gas.json. */
const settleGas = 60_000n;

/** Cost of settling once, in units. */
export const settleCost = (gas: GasTerms): bigint => costOf(settleGas, gas.dataFeeWei.base, 1, gas);

/**
 * Gas of a channel's transactions beside its claims: an opening, a withdrawal that is announced and made, and a first payout; and of
 * a top-up. Rounded up from contracts/gas.json.
 */
const channelGas = { open: 105_000n + 32_000n + 52_000n + settleGas, topUp: 85_000n, transactions: 4n } as const;

/** What a channel costs both of its sides together, in units, where they send for themselves. */
export function channelCosts(gas: GasTerms): ChannelCosts {
  const data = gas.dataFeeWei.base;
  return {
    open: costOf(channelGas.open, data * channelGas.transactions, 1, gas),
    topUp: costOf(channelGas.topUp, data, 1, gas),
  };
}

/** Cost in units of a batch that takes this much gas. */
export const costOfGas = (gasUnits: bigint, channels: number, gas: GasTerms): bigint =>
  costOf(gasUnits, gas.dataFeeWei.base + gas.dataFeeWei.channel * BigInt(channels), 1, gas);

function costOf(gasUnits: bigint, dataFeeWei: bigint, times: number, { gasPriceWei, rate }: GasTerms): bigint {
  const wei = (gasUnits * gasPriceWei + dataFeeWei) * BigInt(times);
  return (wei * rate.units + rate.wei - 1n) / rate.wei;
}

/** Reads the current prices. @throws `chain-unavailable`. */
export async function readGasTerms(chain: Chain, rate: Rate, options: AbortOptions = {}): Promise<GasTerms> {
  const bytesOf = (channels: number) => batchBytes.base + batchBytes.channel * channels;
  const gasPriceWei = await chain.gasPrice(options);
  const one = await chain.dataFee(bytesOf(1), options);
  const most = await chain.dataFee(bytesOf(batchMax), options);
  // A fee with a minimum is convex in the size, so the line through both ends bounds it from above.
  const spans = BigInt(batchMax - 1);
  const channel = most > one ? (most - one + spans - 1n) / spans : 0n;
  return { gasPriceWei, dataFeeWei: { base: one > channel ? one - channel : 0n, channel }, rate };
}
