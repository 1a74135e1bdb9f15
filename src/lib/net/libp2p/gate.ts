import type { ConnectionGater, PeerId as Libp2pPeerId } from '@libp2p/interface';
import type { DenyList } from '../deny-list.ts';

/**
 * What a net may dial. `secure`: what js-libp2p allows, which in a browser leaves out `ws://` and addresses of the local
 * network. `any`: those too, for a page that is itself served over plain http. `none`: nothing, for a relay: the
 * addresses it hears are strangers' words, and what it dialled would be reached from inside its own network.
 */
export type Dialling = 'any' | 'secure' | 'none';

/** Who may connect, and what may be dialled. */
export function createGate(denied: DenyList, dialling: Dialling): ConnectionGater {
  const denies = (peer: Libp2pPeerId) => denied.denies(peer.toString());
  return {
    denyDialPeer: denies,
    denyInboundEncryptedConnection: denies,
    denyInboundUpgradedConnection: denies,
    denyOutboundUpgradedConnection: denies,
    denyInboundRelayReservation: denies,
    denyOutboundRelayedConnection: (from, to) => denies(from) || denies(to),
    denyInboundRelayedConnection: (_relay, from) => denies(from),
    ...(dialling === 'secure' ? {} : { denyDialMultiaddr: () => dialling === 'none' }),
  };
}

/** Denies what either does. */
export function joinGates(one: ConnectionGater, other: ConnectionGater = {}): ConnectionGater {
  const { denyInboundRelayedConnection } = one;
  return {
    ...one,
    ...other,
    denyInboundRelayedConnection: async (...from) =>
      (await denyInboundRelayedConnection?.(...from)) === true ||
      (await other.denyInboundRelayedConnection?.(...from)) === true,
  };
}
