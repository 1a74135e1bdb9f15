import type { PeerId } from '#lib/protocol/ids.ts';

/**
 * What a new channel is given: `serve`, `refuse` (it is answered `busy`), or `drop` (it is aborted without an answer, since
 * too many are being answered already).
 */
export type ChannelPermit =
  { readonly type: 'serve' | 'refuse'; readonly release: () => void } | { readonly type: 'drop' };

export interface ChannelPermits {
  take(peer: PeerId, perPeerMax: number): ChannelPermit;
}

export interface ChannelPermitLimits {
  /** Channels served at once, of all peers together and in every phase of their job. */
  readonly servedMax: number;
  /** Channels answered `busy` at once; each takes a few seconds at most. */
  readonly refusedMax: number;
}

const channelPermitLimits: ChannelPermitLimits = { servedMax: 512, refusedMax: 512 };

export function createChannelPermits({ servedMax, refusedMax } = channelPermitLimits): ChannelPermits {
  const servedOf = new Map<PeerId, number>();
  let served = 0;
  let refused = 0;

  return {
    take(peer, perPeerMax) {
      const own = servedOf.get(peer) ?? 0;
      if (served < servedMax && own < perPeerMax) {
        served += 1;
        servedOf.set(peer, own + 1);
        const release = () => {
          served -= 1;
          const left = servedOf.get(peer)! - 1;
          if (left > 0) servedOf.set(peer, left);
          else servedOf.delete(peer);
        };
        return { type: 'serve', release };
      }
      if (refused >= refusedMax) return { type: 'drop' };
      refused += 1;
      const release = () => {
        refused -= 1;
      };
      return { type: 'refuse', release };
    },
  };
}
