import type { ConnectionGater, PeerId as Libp2pPeerId } from '@libp2p/interface';
import type { DenyList } from '../deny-list.ts';

/**
 * Who may connect. `insecureDial` lets a page that is itself served over plain http dial `ws://` and addresses of the
 * local network, which js-libp2p refuses in a browser.
 */
export function createGate(denied: DenyList, insecureDial: 'allow' | 'refuse'): ConnectionGater {
  const denies = (peer: Libp2pPeerId) => denied.denies(peer.toString());
  return {
    denyDialPeer: denies,
    denyInboundEncryptedConnection: denies,
    denyInboundUpgradedConnection: denies,
    denyOutboundUpgradedConnection: denies,
    denyInboundRelayReservation: denies,
    denyOutboundRelayedConnection: (from, to) => denies(from) || denies(to),
    denyInboundRelayedConnection: (_relay, from) => denies(from),
    ...(insecureDial === 'allow' ? { denyDialMultiaddr: () => false } : {}),
  };
}
