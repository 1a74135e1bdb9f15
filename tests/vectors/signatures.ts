import { ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { concatBytes, fromHex, toHex, utf8Encode } from '#lib/base/bytes.ts';

/**
 * Signatures at the edges where Ed25519 implementations differ. Each satisfies the equation that some of them check, so
 * only the rule in its name refuses it.
 */
export interface SignatureVector {
  readonly name: string;
  readonly key: string;
  readonly message: string;
  readonly sig: string;
  readonly valid: boolean;
}

const { Point } = ed25519;
const { BASE, Fn } = Point;
const order = Fn.ORDER;
const prime = Point.Fp.ORDER;
const seed = new Uint8Array(32).fill(1);
const { scalar, point: key } = ed25519.utils.getExtendedPublicKey(seed);
const keyBytes = key.toBytes();
/** The nonce of all signatures here that are not derived from the seed; any number will do. */
const nonce = Fn.create(0x0123456789abcdef0123456789abcdefn);

/** A point of order 8. */
const torsion = Point.fromBytes(fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'));

const littleEndian = (bytes: Uint8Array) => BigInt(`0x${toHex(bytes.toReversed())}`);
const encode = (value: bigint, sign: 0 | 1 = 0) => {
  const bytes = fromHex(value.toString(16).padStart(64, '0')).toReversed();
  bytes[31]! |= sign << 7;
  return bytes;
};
const challenge = (r: Uint8Array, a: Uint8Array, message: Uint8Array) =>
  Fn.create(littleEndian(sha512(concatBytes(r, a, message))));

/** The S for which S·B = nonce·B + k·scalar·B, which leaves any torsion component of key or R unmatched. */
const signed = (r: Uint8Array, a: Uint8Array, message: Uint8Array, withNonce = nonce) =>
  concatBytes(r, encode(Fn.create(withNonce + challenge(r, a, message) * scalar)));

/** The first message whose challenge has this remainder modulo 8. */
function messageFor(r: Uint8Array, a: Uint8Array, fits: (remainder: bigint) => boolean): Uint8Array {
  for (let i = 0; ; i++) {
    const message = utf8Encode(`message ${i}`);
    if (fits(challenge(r, a, message) % 8n)) return message;
  }
}

export function signatureVectors(): readonly SignatureVector[] {
  const message = utf8Encode('Tabloom');
  const row = (name: string, valid: boolean, a: Uint8Array, m: Uint8Array, sig: Uint8Array): SignatureVector => ({
    name,
    key: toHex(a),
    message: toHex(m),
    sig: toHex(sig),
    valid,
  });
  const good = ed25519.sign(message, seed);
  const [goodR, goodS] = [good.subarray(0, 32), littleEndian(good.subarray(32))];
  const zero = new Uint8Array(32);
  const mixedKey = key.add(torsion).toBytes();
  const r = BASE.multiply(nonce).toBytes();
  const mixedR = BASE.multiply(nonce).add(torsion).toBytes();
  const whole = messageFor(r, mixedKey, (remainder) => remainder === 0n);
  const torn = messageFor(r, mixedKey, (remainder) => remainder !== 0n);

  /** Small order in every encoding: y canonical or not, x zero with either sign. */
  const small: readonly (readonly [string, Uint8Array])[] = [
    ['the identity', encode(1n)],
    ['the identity, with the sign bit', encode(1n, 1)],
    ['the identity, y = p + 1', encode(prime + 1n)],
    ['of order 2', encode(prime - 1n)],
    ['of order 2, with the sign bit', encode(prime - 1n, 1)],
    ['of order 4', encode(0n)],
    ['of order 4, the other one', encode(0n, 1)],
    ['of order 4, y = p', encode(prime)],
    ...[1n, 3n, 5n, 7n].map((n): readonly [string, Uint8Array] => [
      `of order 8, number ${n}`,
      torsion.multiplyUnsafe(n).toBytes(),
    ]),
  ];
  return [
    row('RFC 8032, test 2', true, fromHex(rfc.key), fromHex(rfc.message), fromHex(rfc.sig)),
    row('of the first seed', true, keyBytes, message, good),
    row('of an empty message', true, keyBytes, new Uint8Array(), ed25519.sign(new Uint8Array(), seed)),
    row('over another message', false, keyBytes, utf8Encode('tabloom'), good),
    row('S + L', false, keyBytes, message, concatBytes(goodR, encode(goodS + order))),
    row('S = L', false, keyBytes, message, concatBytes(goodR, encode(order))),
    row('S with the three highest bits', false, keyBytes, message, concatBytes(goodR, encode(goodS, 1))),
    ...small.map(([name, a]) => row(`key ${name}`, false, a, message, concatBytes(encode(1n), zero))),
    // S = k·scalar, so that R is the identity under the equation with the cofactor, and for the first one under both.
    ...small.map(([name, at]) => row(`R ${name}`, false, keyBytes, message, signed(at, keyBytes, message, 0n))),
    row('key not on the curve', false, encode(2n), message, good),
    row('R not on the curve', false, keyBytes, message, concatBytes(encode(2n), good.subarray(32))),
    row('key with y above p', false, encode(prime + 3n), message, good),
    row('R with torsion: holds with the cofactor alone', false, keyBytes, message, signed(mixedR, keyBytes, message)),
    row(
      'key with torsion, k not divisible by 8: with the cofactor alone',
      false,
      mixedKey,
      torn,
      signed(r, mixedKey, torn),
    ),
    row('key with torsion, k divisible by 8: holds either way', true, mixedKey, whole, signed(r, mixedKey, whole)),
  ];
}

const rfc = {
  key: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
  message: '72',
  sig:
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da' +
    '085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
};
