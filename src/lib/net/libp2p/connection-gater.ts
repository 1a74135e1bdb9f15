import type { ConnectionGater, PeerId as Libp2pPeerId } from '@libp2p/interface';
import { isPrivate } from '@libp2p/utils';
import type { Multiaddr } from '@multiformats/multiaddr';
import type { DenyList } from '../deny-list.ts';

/**
 * What a net may dial. `any`: everything, for a program that its owner runs. `none`: nothing, for a relay: the addresses it
 * hears are strangers' words, and what it dialled would be reached from inside its own network. A page dials what it was
 * told of by its own relay or its person, wherever that is, and on a stranger's word no address of the local network.
 */
export type DialPolicy = 'any' | 'none' | PageDialPolicy;

export interface PageDialPolicy {
  /** Whether a browser lets the page open `ws://`: it does where the page itself is plain http. */
  readonly insecure: 'allow' | 'refuse';
  /** Addresses of the relays that the page was served from or its person has named. */
  readonly named: () => readonly string[];
}

/** Who may connect, and what may be dialled. */
export function createConnectionGater(denied: DenyList, dialling: DialPolicy): ConnectionGater {
  const denies = (peer: Libp2pPeerId) => denied.denies(peer.toString());
  return {
    denyDialPeer: denies,
    denyInboundEncryptedConnection: denies,
    denyInboundUpgradedConnection: denies,
    denyOutboundUpgradedConnection: denies,
    denyInboundRelayReservation: denies,
    denyOutboundRelayedConnection: (from, to) => denies(from) || denies(to),
    denyInboundRelayedConnection: (_relay, from) => denies(from),
    denyDialMultiaddr: (address) => {
      if (dialling === 'any' || dialling === 'none') return dialling === 'none';
      return !mayDial(address, dialling);
    },
  };
}

function mayDial(address: Multiaddr, { insecure, named }: PageDialPolicy): boolean {
  const host = hostOf(address.toString());
  if (named().some((one) => hostOf(one) === host)) return true;
  if (insecure === 'refuse' && host.endsWith('/ws') && !host.includes('/tls/')) return false;
  return !isPrivate(address) && !localName.test(host);
}

/** Of a circuit, the relay's: that is what is dialled. */
const hostOf = (address: string): string => address.split('/p2p/', 1)[0]!;

/** Names of the local network, which public DNS does not know (RFC 6761, 6762, 8375). */
const localName = /^\/dns[46]?\/([^/]+\.)?(localhost|local|internal|lan|home\.arpa)\//i;

/** Denies what either does. */
export function combineGaters(one: ConnectionGater, other: ConnectionGater = {}): ConnectionGater {
  const { denyInboundRelayedConnection } = one;
  return {
    ...one,
    ...other,
    denyInboundRelayedConnection: async (...from) =>
      (await denyInboundRelayedConnection?.(...from)) === true ||
      (await other.denyInboundRelayedConnection?.(...from)) === true,
  };
}
