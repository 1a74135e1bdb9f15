import type { GatewayJobView } from '#lib/state/network.ts';

/** What ended in one stretch of time. */
export interface Stretch {
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly tokens: number;
  readonly jobs: number;
}

/**
 * Jobs by stretches of equal length, the last one up to `now`, empty ones too. What is older or dated ahead is left out:
 * the relay's clock is not this device's.
 */
export function activity(
  jobs: readonly GatewayJobView[],
  now: number,
  { count, stretchMs }: { readonly count: number; readonly stretchMs: number },
): readonly Stretch[] {
  const end = (Math.floor(now / stretchMs) + 1) * stretchMs;
  const stretches = Array.from({ length: count }, (_, index) => ({
    from: end - (count - index) * stretchMs,
    tokens: 0,
    jobs: 0,
  }));
  for (const { at, tokensOut } of jobs) {
    const stretch = stretches[count - Math.ceil((end - at) / stretchMs)];
    if (!stretch || at >= end) continue;
    stretch.tokens += tokensOut;
    stretch.jobs += 1;
  }
  return stretches;
}

/** Kinds of address in an offer, without the addresses, each with its number: `relayed`, `direct`. */
export function addressKinds(addrs: readonly string[]): ReadonlyMap<'direct' | 'webrtc' | 'relayed', number> {
  const kinds = new Map<'direct' | 'webrtc' | 'relayed', number>();
  for (const addr of addrs) {
    const names = new Set(addr.split('/'));
    // WebRTC is introduced through a relay, and its data then goes directly.
    const kind = names.has('webrtc') ? 'webrtc' : names.has('p2p-circuit') ? 'relayed' : 'direct';
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  return kinds;
}
