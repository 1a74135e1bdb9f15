import type { AbortOptions } from '#lib/base/abort.ts';
import { batchMax } from './claims.ts';
import type { Chain } from './spec.ts';

/** What a transaction costs, in the token: exact fractions, since a unit of gas is worth far less than any token's unit. */
export interface GasTerms {
  /** Wei for one unit of gas. */
  readonly gasPriceWei: bigint;
  /** Wei for a batch's bytes besides its gas, at most: anyway, and for each channel. Zero where gas is all. */
  readonly dataFeeWei: { readonly base: bigint; readonly channel: bigint };
  /** `units` of the token are worth `wei` of the chain's coin. */
  readonly rate: Rate;
}

export interface Rate {
  readonly units: bigint;
  readonly wei: bigint;
}

/**
 * Gas of a batch: what it costs anyway, and what a channel adds. Of the dearest cases in contracts/gas.json, a first claim
 * by itself and a batch on somebody's order, rounded up.
 */
export const batchGas = { base: 67_000n, channel: 22_000n } as const;

/** Bytes of a batch with its envelope, an order around it included. */
export const batchBytes = { base: 600, channel: 512 } as const;

/** The provider's part of a claim at the largest share governance can set, in hundredths of a percent. */
const providerBpsMin = 8_000n;

/** What a claim of so much brings its provider at least. */
export const providerPart = (units: bigint): bigint => (units * providerBpsMin) / 10_000n;

/** Units that a batch of so many channels costs at most, rounded up. */
export const batchCost = (channels: number, gas: GasTerms): bigint =>
  costOf(batchGas.base, gas.dataFeeWei.base, 1, gas) + channelCost(channels, gas);

/** Units that so many channels add to a batch. */
export const channelCost = (channels: number, gas: GasTerms): bigint =>
  costOf(batchGas.channel, gas.dataFeeWei.channel, channels, gas);

function costOf(gasUnits: bigint, dataFeeWei: bigint, times: number, { gasPriceWei, rate }: GasTerms): bigint {
  const wei = (gasUnits * gasPriceWei + dataFeeWei) * BigInt(times);
  return (wei * rate.units + rate.wei - 1n) / rate.wei;
}

/** What claiming costs now. @throws `chain-unavailable`. */
export async function readGasTerms(chain: Chain, rate: Rate, options: AbortOptions = {}): Promise<GasTerms> {
  const bytesOf = (channels: number) => batchBytes.base + batchBytes.channel * channels;
  const gasPriceWei = await chain.gasPrice(options);
  const one = await chain.dataFee(bytesOf(1), options);
  const most = await chain.dataFee(bytesOf(batchMax), options);
  // A fee with a floor is convex in the size: the line through both ends lies above it everywhere between.
  const spans = BigInt(batchMax - 1);
  const channel = most > one ? (most - one + spans - 1n) / spans : 0n;
  return { gasPriceWei, dataFeeWei: { base: one > channel ? one - channel : 0n, channel }, rate };
}
