import { z } from 'zod';
import { peerIdSchema } from './ids.ts';

/** The body of `GET /relay.json`. A tab derives the WebSocket address from the page's origin. */
export type RelayInfo = z.output<typeof relayInfoSchema>;

/** Relays that one relay may name. */
const relaysMax = 16;

export const relayInfoSchema = z.object({
  peer: peerIdSchema,
  build: z.string().max(64),
  protocol: z.number().int(),
  network: z.enum(['small', 'large']),
  /** Multiaddrs of other relays of this network; see {@link isPublicRelay}. */
  relays: z.array(z.string().max(512)).max(relaysMax).optional(),
});

const publicRelay =
  /^\/dns[46]?\/(?:[a-z0-9-]{1,63}\.)+(?!\d)[a-z0-9-]{2,63}\/tcp\/\d{1,5}\/wss\/p2p\/([1-9A-HJ-NP-Za-km-z]+)$/;
/** Names that public DNS does not resolve (RFC 6761, 6762, 8375, and what routers use). */
const localName = /\.(localhost|local|internal|lan|home|test|invalid|arpa)\/tcp\//;

/**
 * Whether an address that another relay names may be dialled: WebSocket over TLS under a public name. It leads nowhere in
 * the local network, and the relay there has to prove the peer id at the address's end in the handshake.
 */
export function isPublicRelay(address: string): boolean {
  const peer = publicRelay.exec(address)?.[1];
  return peer !== undefined && !localName.test(address) && peerIdSchema.safeParse(peer).success;
}
