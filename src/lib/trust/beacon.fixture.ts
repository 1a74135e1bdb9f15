import { bls12_381 } from '@noble/curves/bls12-381.js';
import { hashRecord } from '#lib/protocol/hash.ts';
import { toHex } from '#lib/base/bytes.ts';
import { roundMessage, type DrandChain, type RoundSource } from './drand.ts';

/** A chain of the same scheme whose one key is in this process, for tests. */
export function ownChain({ genesis, periodSeconds }: Pick<DrandChain, 'genesis' | 'periodSeconds'>) {
  const secret = new Uint8Array(32).fill(7);
  const { getPublicKey, sign } = bls12_381.shortSignatures;
  const terms = { publicKey: toHex(getPublicKey(secret).toBytes()), genesis, periodSeconds };
  const chain: DrandChain = { ...terms, id: hashRecord(terms) };
  const signRound = (round: number) => sign(roundMessage(round), secret).toBytes();
  const source: RoundSource = async (round) => signRound(round);
  return { chain, signRound, source };
}
