import type { ConnectionGater, PeerId as Libp2pPeerId } from '@libp2p/interface';
import { isPrivate } from '@libp2p/utils';
import type { Multiaddr } from '@multiformats/multiaddr';
import type { DenyList } from '../deny-list.ts';

/**
 * What a net may dial. `any`: everything, for a program run by its owner. A relay dials the relays that its owner named,
 * and peers through them, but nothing else, because the addresses it learns are untrusted and would be dialled from
 * inside its own network. A page dials relays that its origin or its user has configured, wherever they are, but no
 * local-network address learned from other peers.
 */
export type DialPolicy = 'any' | RelayDialPolicy | PageDialPolicy;

export interface RelayDialPolicy {
  /** Addresses of relays, each ending in `/p2p/<relay>`. */
  readonly only: () => readonly string[];
}

export interface PageDialPolicy {
  /** Whether the browser lets the page open `ws://`, which it does only if the page itself uses plain http. */
  readonly insecure: 'allow' | 'refuse';
  /** Addresses of relays from the page's origin or the user's settings. */
  readonly named: () => readonly string[];
}

/** Decides which peers may connect and which addresses may be dialled. */
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
      if (dialling === 'any') return false;
      return 'only' in dialling ? !isNamed(address.toString(), dialling) : !mayDial(address, dialling);
    },
  };
}

/** With or without the relay's id, or a circuit through it. */
const isNamed = (address: string, { only }: RelayDialPolicy): boolean =>
  only().some((one) => address === one || address === hostOf(one) || address.startsWith(`${one}/p2p-circuit/`));

function mayDial(address: Multiaddr, { insecure, named }: PageDialPolicy): boolean {
  const host = hostOf(address.toString());
  if (named().some((one) => hostOf(one) === host)) return true;
  if (insecure === 'refuse' && host.endsWith('/ws') && !host.includes('/tls/')) return false;
  return !isPrivate(address) && !localName.test(host);
}

/** The part of an address that is dialled; for a circuit, the relay's. */
const hostOf = (address: string): string => address.split('/p2p/', 1)[0]!;

/** Local-network names that public DNS does not resolve (RFC 6761, 6762, 8375). */
const localName = /^\/dns[46]?\/([^/]+\.)?(localhost|local|internal|lan|home\.arpa)\//i;

/** Denies whatever either gater denies. */
export function combineGaters(one: ConnectionGater, other: ConnectionGater = {}): ConnectionGater {
  const { denyInboundRelayedConnection, denyOutboundRelayedConnection } = one;
  return {
    ...one,
    ...other,
    denyInboundRelayedConnection: async (...from) =>
      (await denyInboundRelayedConnection?.(...from)) === true ||
      (await other.denyInboundRelayedConnection?.(...from)) === true,
    denyOutboundRelayedConnection: async (...between) =>
      (await denyOutboundRelayedConnection?.(...between)) === true ||
      (await other.denyOutboundRelayedConnection?.(...between)) === true,
  };
}
