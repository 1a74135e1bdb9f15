import { z } from 'zod';
import { hashSchema, peerIdSchema } from './ids.ts';
import { limits } from './limits.ts';

/** The body of `GET /relay.json`. A tab derives the WebSocket address from the page's origin. */
export type RelayInfo = z.output<typeof relayInfoSchema>;

/** The chain that a relay names for payments, and what it does there. */
export type RelayPayments = z.output<typeof relayPaymentsSchema>;

const isPath = (text: string): boolean => /^\/(?!\/)[\w./-]*$/.test(text);
const isHttpUrl = (text: string): boolean => /^https?:$/.test(URL.parse(text)?.protocol ?? '');

const pathSchema = z.string().max(512).refine(isPath, 'it is no path');

const rpcSchema = z
  .string()
  .max(512)
  .refine((text) => isPath(text) || isHttpUrl(text), 'it is neither a path nor an http address');

export const relayPaymentsSchema = z.object({
  /** By EIP-155. */
  chain: z.number().int().positive(),
  /** A JSON-RPC server of it: an absolute URL, or a path on this relay. */
  rpc: rpcSchema,
  /** Gives test money, on a local chain. A path on this relay, as the next is. */
  faucet: pathSchema.optional(),
  /** Sends for accounts without gas, for a fee. */
  sponsor: pathSchema.optional(),
});

/** Validators that one network has at most. */
export const auditValidatorsMax = 64;

/** Blocks that a beacon waits for on top of the one it takes, at most. */
export const confirmationsMax = 1_000;

/** What all who follow the audits of a network have to agree on, as this relay was told it. */
export type RelayAudits = z.output<typeof relayAuditsSchema>;

export const relayAuditsSchema = z.object({
  validators: z
    .array(z.object({ peer: peerIdSchema, engineClass: z.string().max(2 * limits.wordLengthMax + 1) }))
    .min(1)
    .max(auditValidatorsMax),
  /** In millionths of all receipts. */
  share: z.number().int().min(0).max(1_000_000),
  /** Servers of the beacon over drand's HTTP interface; what they say is checked. */
  beacons: z.array(z.string().max(512).refine(isHttpUrl, 'it is no http address')).min(1).max(8),
  /** Of the beacon; drand's quicknet where it is absent. */
  chain: z
    .object({
      id: hashSchema,
      publicKey: z.string().regex(/^[0-9a-f]{192}$/),
      genesis: z
        .number()
        .int()
        .min(1)
        .max(2 ** 40),
      periodSeconds: z.number().int().min(1).max(86_400),
    })
    .optional(),
  /** Where hashes of blocks are the beacon in place of drand's rounds. */
  blocks: z
    .object({
      /** By EIP-155. */
      chain: z.number().int().positive(),
      confirmations: z.number().int().min(1).max(confirmationsMax),
      /** As of `payments`; absent where this relay passes no requests on to that chain. */
      rpc: rpcSchema.optional(),
    })
    .optional(),
});

/** Relays that one relay may name. */
const relaysMax = 16;

export const relayInfoSchema = z.object({
  peer: peerIdSchema,
  build: z.string().max(64),
  protocol: z.number().int(),
  network: z.enum(['small', 'large']),
  /** Multiaddrs of other relays of this network; see {@link isPublicRelay}. */
  relays: z.array(z.string().max(512)).max(relaysMax).optional(),
  /** Absent where it names no chain. */
  payments: relayPaymentsSchema.optional(),
  /** Absent where it follows no audits. */
  audits: relayAuditsSchema.optional(),
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
