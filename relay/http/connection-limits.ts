import type { Clock } from '#lib/base/clock.ts';
import { createTokenBuckets } from '#lib/base/token-buckets.ts';
import { machineOfHost, zoneOfHost } from '#lib/market/zone.ts';

/** Admits connections by the address that they come from, so that one address or one network cannot take all places. */
export interface ConnectionLimits {
  /** Takes a place; undefined when the address or its zone has none left, or opens connections too fast. */
  admit(host: string): ConnectionPlace | undefined;
}

export interface ConnectionPlace {
  /** Idempotent. */
  release(): void;
}

export interface ConnectionLimitsInput {
  readonly clock: Pick<Clock, 'elapsed'>;
  /** Open at once from one address: IPv4, or the /64 of IPv6. A zone, the /24 or the /48, may have four times as many. */
  readonly perAddressMax: number;
  /** How fast one address may open them, once it has opened as many as it may have. */
  readonly opening: 'limited' | 'unlimited';
}

const zoneFactor = 4;
/** The burst before it is as many as an address may have open: a school reconnects all together. */
const openedPerSecond = 20;
const sharesMax = 16_384;

export function createConnectionLimits({ clock, perAddressMax, opening }: ConnectionLimitsInput): ConnectionLimits {
  const open = new Map<string, number>();
  const bucketsOf = (factor: number) =>
    createTokenBuckets(clock, { burst: perAddressMax * factor, perSecond: openedPerSecond * factor, sharesMax });
  const rates = { address: bucketsOf(1), zone: bucketsOf(zoneFactor) };
  const count = (share: string) => open.get(share) ?? 0;
  const add = (share: string, change: 1 | -1) => {
    const left = count(share) + change;
    if (left > 0) open.set(share, left);
    else open.delete(share);
  };

  return {
    admit(host) {
      const address = `address ${machineOfHost(host)}`;
      const zone = `zone ${zoneOfHost(host)}`;
      if (count(address) >= perAddressMax || count(zone) >= perAddressMax * zoneFactor) return undefined;
      if (opening === 'limited' && !(rates.zone.take(zone) && rates.address.take(address))) return undefined;
      add(address, 1);
      add(zone, 1);
      let isHeld = true;
      return {
        release() {
          if (!isHeld) return;
          isHeld = false;
          add(address, -1);
          add(zone, -1);
        },
      };
    },
  };
}
