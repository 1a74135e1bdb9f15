import { hashTypedData, recoverAddress, type HashTypedDataParameters } from 'viem';
import { payError } from './errors.ts';
import type { Address, Hex, TypedData } from './spec.ts';

/** Half the order of secp256k1: the contract accepts only the smaller of a signature's two valid s values. */
const sMax = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;

const shape = /^0x[0-9a-fA-F]{128}(1[bB]|1[cC])$/;

/**
 * 65 bytes with v of 27 or 28 and a low s: exactly the form the contract accepts from a key. A signature accepted here
 * but not there would be a voucher that cannot be claimed.
 */
export const isKeySignature = (signature: string): signature is Hex =>
  shape.test(signature) && BigInt(`0x${signature.slice(66, 130)}`) <= sMax;

/** True if the key of `signer` signed `digest`. */
export async function isSignedBy(signer: Address, digest: Hex, signature: string): Promise<boolean> {
  if (!isKeySignature(signature)) return false;
  try {
    return (await recoverAddress({ hash: digest, signature })) === signer;
  } catch {
    return false;
  }
}

/** @throws `bad-signature` unless the key of `signer` signed this typed data. */
export async function checkTypedSignature(signer: Address, data: TypedData, signature: string): Promise<void> {
  if (!(await isSignedBy(signer, digestOf(data), signature))) {
    throw payError('bad-signature', { details: { expected: signer, message: data.primaryType } });
  }
}

/** The 32-byte EIP-712 digest of typed data. */
export const digestOf = (data: TypedData): Hex => hashTypedData(data as unknown as HashTypedDataParameters);
