import { bls12_381 } from '@noble/curves/bls12-381.js';
import { sha256 } from '@noble/hashes/sha2.js';
import type { AbortOptions } from '#lib/base/abort.ts';
import { fromHex } from '#lib/base/bytes.ts';
import type { Clock } from '#lib/base/clock.ts';
import type { Beacon } from './beacon.ts';

/**
 * A chain of the scheme `bls-unchained-g1-rfc9380` (drand): each round is the group's BLS signature over the SHA-256 of its number
 * (eight bytes, the highest first), a point of G1, hashed to the curve as RFC 9380 says; its randomness is the signature's SHA-256.
 */
export interface DrandChain {
  /** The chain's hash. */
  readonly id: string;
  /** A point of G2: 192 hexadecimal digits. */
  readonly publicKey: string;
  /** When round 1 is due, in seconds since the epoch. */
  readonly genesis: number;
  readonly periodSeconds: number;
}

/** The public chain that the League of Entropy runs. */
export const quicknet: DrandChain = {
  id: '52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971',
  publicKey:
    '83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a',
  genesis: 1_692_803_367,
  periodSeconds: 3,
};

/** Where rounds come from: a server's word is checked, so any will do. Undefined where it has none, or does not answer. */
export type RoundSource = (round: number, options?: AbortOptions) => Promise<Uint8Array | undefined>;

export interface DrandComponents {
  readonly chain: DrandChain;
  /** Asked one after the other. */
  readonly sources: readonly RoundSource[];
  readonly clock: Pick<Clock, 'now'>;
}

export function createDrandBeacon({ chain, sources, clock }: DrandComponents): Beacon {
  const periodMs = chain.periodSeconds * 1_000;
  const timeOf = (round: number) => chain.genesis * 1_000 + (round - 1) * periodMs;
  /** Those that were checked last: all audits of an epoch ask for the same. */
  const known = new Map<number, Uint8Array>();
  return {
    id: chain.id,
    timeOf,
    roundAfter: (atMs) => Math.max(1, Math.floor((atMs - chain.genesis * 1_000) / periodMs) + 2),
    async value(round, { signal } = {}) {
      const checked = known.get(round);
      if (checked) return { type: 'value', round, randomness: checked };
      if (clock.now() < timeOf(round)) return { type: 'not-yet', round };
      let isForged = false;
      for (const source of sources) {
        const signature = await source(round, { signal });
        signal?.throwIfAborted();
        // Another caller may have checked it meanwhile.
        const checkedNow = known.get(round);
        if (checkedNow) return { type: 'value', round, randomness: checkedNow };
        if (!signature) continue;
        if (checkRound(chain, round, signature)) {
          const randomness = sha256(signature);
          known.set(round, randomness);
          if (known.size > knownMax) known.delete(known.keys().next().value!);
          return { type: 'value', round, randomness };
        }
        isForged = true;
      }
      return { type: isForged ? 'forged' : 'missing', round };
    },
  };
}

const knownMax = 32;

const { hash, verify } = bls12_381.shortSignatures;

/** The point that a round's signature is over. */
export const roundMessage = (round: number) => {
  const number = new Uint8Array(8);
  new DataView(number.buffer).setBigUint64(0, BigInt(round));
  return hash(sha256(number), 'BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_');
};

/** Whether the chain's group signed this round. Takes some ten milliseconds. Never throws. */
export function checkRound({ publicKey }: DrandChain, round: number, signature: Uint8Array): boolean {
  if (!Number.isSafeInteger(round) || round < 1 || signature.length !== 48) return false;
  try {
    return verify(signature, roundMessage(round), fromHex(publicKey));
  } catch {
    return false;
  }
}
