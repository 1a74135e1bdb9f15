import type { Peer, PeerId, PeerStore } from '@libp2p/interface';

/**
 * For each stream, at both ends, js-libp2p notes its protocol in the peer store: the whole record of the peer is decoded,
 * compared and written, an eighth of what a short answer costs. Of our own protocols nobody asks the store, and `identify`
 * has told it of them already. libp2p's own are noted as before, since its topologies follow them.
 */
export function skipStreamNotes(store: PeerStore): void {
  const merge: PeerStore['merge'] = store.merge.bind(store);
  store.merge = (peer, data, options) => {
    const { protocols, ...rest } = data;
    const isNote = protocols?.every((protocol) => protocol.startsWith(ownPrefix)) && Object.keys(rest).length === 0;
    return isNote ? Promise.resolve(unread(peer)) : merge(peer, data, options);
  };
}

const ownPrefix = '/tabloom/';

/** What libp2p gets back and drops. */
const unread = (id: PeerId): Peer => ({
  id,
  addresses: [],
  protocols: [],
  metadata: new Map<string, Uint8Array>(),
  tags: new Map(),
});
