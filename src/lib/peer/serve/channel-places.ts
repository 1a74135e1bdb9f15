import type { PeerId } from '#lib/protocol/ids.ts';

/** What becomes of a channel: it is served, refused with a word, or dropped without one where even words are too many. */
export type ChannelPlace =
  { readonly type: 'served' | 'refused'; readonly leave: () => void } | { readonly type: 'none' };

export interface ChannelPlaces {
  take(peer: PeerId, perPeerMax: number): ChannelPlace;
}

export interface ChannelPlaceLimits {
  /** Served at once, whoever opened them and whatever they are waiting for. */
  readonly servedMax: number;
  /** Told to come again at once; each takes some seconds at most. */
  readonly refusedMax: number;
}

const channelPlaceLimits: ChannelPlaceLimits = { servedMax: 512, refusedMax: 512 };

export function createChannelPlaces({ servedMax, refusedMax } = channelPlaceLimits): ChannelPlaces {
  const servedOf = new Map<PeerId, number>();
  let served = 0;
  let refused = 0;

  return {
    take(peer, perPeerMax) {
      const own = servedOf.get(peer) ?? 0;
      if (served < servedMax && own < perPeerMax) {
        served += 1;
        servedOf.set(peer, own + 1);
        const leave = () => {
          served -= 1;
          const left = servedOf.get(peer)! - 1;
          if (left > 0) servedOf.set(peer, left);
          else servedOf.delete(peer);
        };
        return { type: 'served', leave };
      }
      if (refused >= refusedMax) return { type: 'none' };
      refused += 1;
      const leave = () => {
        refused -= 1;
      };
      return { type: 'refused', leave };
    },
  };
}
