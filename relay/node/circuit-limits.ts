import type { Clock } from '#lib/base/clock.ts';
import { createTokenBuckets, type BucketLimits } from '#lib/base/token-buckets.ts';
import { hostOfAddress, machineOfHost, zoneOfHost } from '#lib/market/zone.ts';
import type { PeerId } from '#lib/protocol/ids.ts';

/**
 * How fast circuits to other peers may be opened: by one peer, by those of one address and, four times as fast, by those of
 * its zone. Each makes the relay and the peer at the other end open a stream, whatever becomes of it.
 */
export interface CircuitLimits {
  /** @param address multiaddr from which the peer is connected; one that names no address is not limited by it. */
  admit(peer: PeerId, address: string | undefined): boolean;
}

export const circuitRates = {
  peer: { burst: 64, perSecond: 2 },
  address: { burst: 512, perSecond: 20 },
  zoneFactor: 4,
} as const;

export interface CircuitRates {
  readonly peer: BucketLimits;
  readonly address: BucketLimits;
  /** So many times the rate of an address for its zone. */
  readonly zoneFactor: number;
}

const sharesMax = 16_384;

export function createCircuitLimits(
  clock: Pick<Clock, 'elapsed'>,
  { address, peer, zoneFactor }: CircuitRates = circuitRates,
): CircuitLimits {
  const bucketsOf = ({ burst, perSecond }: BucketLimits, factor = 1) =>
    createTokenBuckets(clock, { burst: burst * factor, perSecond: perSecond * factor, sharesMax });
  const rates = { peer: bucketsOf(peer), address: bucketsOf(address), zone: bucketsOf(address, zoneFactor) };
  return {
    admit(from, multiaddr) {
      if (!rates.peer.take(from)) return false;
      const host = multiaddr === undefined ? undefined : hostOfAddress(multiaddr);
      if (host === undefined) return true;
      return rates.zone.take(zoneOfHost(host) ?? host) && rates.address.take(machineOfHost(host) ?? host);
    },
  };
}
