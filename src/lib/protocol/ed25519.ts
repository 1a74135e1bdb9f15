import { ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { concatBytes, equalBytes } from '#lib/base/bytes.ts';

/**
 * Ed25519 as provided by the platform. Implementations disagree on edge cases (cofactor, encodings, small orders), so
 * {@link verifySignature} decides those on the bytes and an implementation checks only the equation.
 */
export interface Ed25519 {
  /** `seed` is 32 bytes; the key is kept in whatever form signs fastest. */
  createKey(seed: Uint8Array): Ed25519Key;
  /**
   * Whether S·B = R + k·A, without the cofactor and with k reduced by the group order. May throw for points off the
   * curve.
   */
  holds(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
}

export interface Ed25519Key {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64 bytes. */
  sign(message: Uint8Array): Uint8Array;
}

const { Point } = ed25519;

/** Pure JavaScript: about 0.5 ms to sign and 1 ms to verify. */
export const portableEd25519: Ed25519 = {
  createKey(seed) {
    const kept = Uint8Array.from(seed);
    return { publicKey: ed25519.getPublicKey(kept), sign: (message) => ed25519.sign(message, kept) };
  },
  // The library's own `verify` multiplies by the cofactor and so accepts signatures that OpenSSL and BoringSSL reject.
  holds(signature, message, publicKey) {
    const r = signature.subarray(0, 32);
    const k = Point.Fn.create(littleEndian(sha512(concatBytes(r, publicKey, message))));
    const sB = Point.BASE.multiplyUnsafe(littleEndian(signature.subarray(32)));
    const kA = Point.fromBytes(publicKey).multiplyUnsafe(k);
    return equalBytes(sB.subtract(kA).toBytes(), r);
  },
};

let platform = portableEd25519;

/** Called once by the composition root, before any key is created. Every implementation must give the same results. */
export function installEd25519(implementation: Ed25519): void {
  platform = implementation;
}

export const createEd25519Key = (seed: Uint8Array): Ed25519Key => platform.createKey(seed);

/** Follows the rule in the wire document's Envelopes section. Never throws. */
export function verifySignature(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean {
  if (!isStrictSignature(signature, publicKey)) return false;
  try {
    return platform.holds(signature, message, publicKey);
  } catch {
    return false;
  }
}

/** The part of the rule that the bytes alone decide: lengths, canonical encodings, no small-order points. */
export const isStrictSignature = (signature: Uint8Array, publicKey: Uint8Array): boolean =>
  signature.length === 64 &&
  publicKey.length === 32 &&
  isStrictPoint(publicKey) &&
  isStrictPoint(signature.subarray(0, 32)) &&
  isBelow(signature.subarray(32), groupOrder);

/** Canonical (y below the field prime) and not of small order. Whether the point is on the curve is checked later. */
function isStrictPoint(encoded: Uint8Array): boolean {
  const y = Uint8Array.from(encoded);
  y[31]! &= 0x7f;
  return isBelow(y, fieldPrime) && !smallOrderY.some((small) => equalBytes(small, y));
}

/** Compares two 32-byte little-endian integers. */
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
/**
 * The y coordinates of the eight points whose order divides 8: order 4, 1, 2, and 8 twice. The sign of x is irrelevant.
 */
const y8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022n;
const smallOrderY = [0n, 1n, prime - 1n, y8, prime - y8].map(encode);
