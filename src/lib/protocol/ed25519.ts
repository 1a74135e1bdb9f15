import { ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { concatBytes, equalBytes } from '#lib/base/bytes.ts';

/**
 * Ed25519 by whatever the platform has. Implementations differ at the edges (cofactor, encodings, small orders), so
 * {@link verifySignature} settles those by the bytes, and an implementation answers for the equation alone.
 */
export interface Ed25519 {
  /** Of a seed of 32 bytes; the key is kept in the form that signs fastest. */
  createKey(seed: Uint8Array): Ed25519Key;
  /** Whether S·B = R + k·A, without the cofactor, k reduced by the group order. May throw for points off the curve. */
  holds(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
}

export interface Ed25519Key {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64 bytes. */
  sign(message: Uint8Array): Uint8Array;
}

const { Point } = ed25519;

/** In JavaScript alone: about half a millisecond to sign and one to verify. */
export const portableEd25519: Ed25519 = {
  createKey(seed) {
    const kept = Uint8Array.from(seed);
    return { publicKey: ed25519.getPublicKey(kept), sign: (message) => ed25519.sign(message, kept) };
  },
  // The library's own `verify` multiplies by the cofactor and so accepts what OpenSSL and BoringSSL refuse.
  holds(signature, message, publicKey) {
    const r = signature.subarray(0, 32);
    const k = Point.Fn.create(littleEndian(sha512(concatBytes(r, publicKey, message))));
    const sB = Point.BASE.multiplyUnsafe(littleEndian(signature.subarray(32)));
    const kA = Point.fromBytes(publicKey).multiplyUnsafe(k);
    return equalBytes(sB.subtract(kA).toBytes(), r);
  },
};

let platform = portableEd25519;

/** The composition root of a process calls this once, before any key is made. All implementations give one answer. */
export function installEd25519(implementation: Ed25519): void {
  platform = implementation;
}

export const createEd25519Key = (seed: Uint8Array): Ed25519Key => platform.createKey(seed);

/** By the rule in the wire document's Envelopes section. Never throws. */
export function verifySignature(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean {
  if (!isStrictSignature(signature, publicKey)) return false;
  try {
    return platform.holds(signature, message, publicKey);
  } catch {
    return false;
  }
}

/** The part of the rule that the bytes alone decide: lengths, canonical encodings, no point of small order. */
export const isStrictSignature = (signature: Uint8Array, publicKey: Uint8Array): boolean =>
  signature.length === 64 &&
  publicKey.length === 32 &&
  isStrictPoint(publicKey) &&
  isStrictPoint(signature.subarray(0, 32)) &&
  isBelow(signature.subarray(32), groupOrder);

/** Canonical (y below the field's prime) and of no order that divides 8; whether it is on the curve is seen later. */
function isStrictPoint(encoded: Uint8Array): boolean {
  const y = Uint8Array.from(encoded);
  y[31]! &= 0x7f;
  return isBelow(y, fieldPrime) && !smallOrderY.some((small) => equalBytes(small, y));
}

/** Both as 32 bytes, little-endian. */
function isBelow(value: Uint8Array, bound: Uint8Array): boolean {
  for (let i = 31; i >= 0; i--) if (value[i] !== bound[i]) return value[i]! < bound[i]!;
  return false;
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  return value;
}

function encode(value: bigint): Uint8Array {
  let rest = value;
  return Uint8Array.from({ length: 32 }, () => {
    const byte = Number(rest & 255n);
    rest >>= 8n;
    return byte;
  });
}

const prime = 2n ** 255n - 19n;
const fieldPrime = encode(prime);
const groupOrder = encode(2n ** 252n + 27742317777372353535851937790883648493n);
/** The y of the eight points whose order divides 8: order 4, 1, 2, and 8 twice; the sign of x makes no difference. */
const y8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022n;
const smallOrderY = [0n, 1n, prime - 1n, y8, prime - y8].map(encode);
