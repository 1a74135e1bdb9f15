import { base58btc } from 'multiformats/bases/base58';
import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';
import { concatBytes } from '#lib/base/bytes.ts';

/** 16 random bytes chosen by the asker, as 32 hexadecimal digits. Serves as the idempotency key throughout. */
export type JobId = string;
/** SHA-256 of a model's manifest, as 64 hexadecimal digits. */
export type ArtefactId = string;
/** The libp2p peer id of an Ed25519 key, in base58btc (`12D3KooW…`). */
export type PeerId = string;

export const jobIdSchema = z.string().regex(/^[0-9a-f]{32}$/, 'a job id is 32 lower-case hexadecimal digits');
export const artefactIdSchema = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'an artefact id is 64 lower-case hexadecimal digits');
export const hashSchema = z.string().regex(/^[0-9a-f]{64}$/, 'a hash is 64 lower-case hexadecimal digits');
export const peerIdSchema = z.string().regex(/^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/, 'a peer id names an Ed25519 key');

/** Identity multihash (0x00, length 0x24) of libp2p's protobuf public key: type Ed25519 (08 01), 32 bytes (12 20). */
const ed25519Prefix = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20);

/** The peer id of a 32-byte Ed25519 public key. @throws `bad-key` for any other length. */
export function peerIdFromKey(publicKey: Uint8Array): PeerId {
  if (publicKey.length !== 32) throw new TabloomError('bad-key', 'An Ed25519 public key has 32 bytes.');
  return base58btc.baseEncode(concatBytes(ed25519Prefix, publicKey));
}

/** The 32-byte Ed25519 public key inside a peer id. @throws `bad-peer-id` for malformed ids and other key types. */
export function keyFromPeerId(peer: PeerId): Uint8Array {
  if (!peerIdSchema.safeParse(peer).success) throw new TabloomError('bad-peer-id', 'Give a peer id of an Ed25519 key.');
  const bytes = base58btc.baseDecode(peer);
  if (bytes.length !== 38 || ed25519Prefix.some((byte, i) => bytes[i] !== byte)) {
    throw new TabloomError('bad-peer-id', 'Give a peer id of an Ed25519 key.');
  }
  return bytes.slice(6);
}
