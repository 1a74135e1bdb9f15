import { keccak_256 } from '@noble/hashes/sha3.js';
import { bytesToHex, domainSeparator, hexToBytes, keccak256, numberToBytes, toBytes } from 'viem';
import { z } from 'zod';
import { amountSchema, checkAmount, voucherUnitsMax } from './amount.ts';
import { loadCurve } from './curve.ts';
import { payError } from './errors.ts';
import { createKnownSigners } from './known-signers.ts';
import { isKeySignature } from './signature.ts';
import type { Address, ChannelId, DeployedChain, Hex, Voucher } from './spec.ts';
import { bytes32Schema } from './terms.ts';
import { channelsDomainOf } from './typed-data.ts';

/** A voucher in wire form, with the amount as decimal text. */
export type VoucherRecord = z.input<typeof voucherSchema>;

export const voucherSchema = z.object({
  channelId: bytes32Schema,
  cumulativeAmount: amountSchema,
  signature: z.string().refine(isKeySignature, 'a signature is 65 bytes with a low s'),
});

/**
 * Signs and verifies vouchers on one chain. The domain is hashed once and the rest of the digest is two short hashes,
 * so that each chunk costs little more than a signature.
 */
export interface VoucherSigner {
  /** The 32-byte digest to sign. @throws `amount-zero`, `amount-too-large`. */
  digest(channelId: ChannelId, cumulativeAmount: bigint): Hex;
  sign(key: Hex, channelId: ChannelId, cumulativeAmount: bigint): Promise<Voucher>;
  /** True if `signer` signed the voucher. Never throws. */
  verify(signer: Address, voucher: Voucher): Promise<boolean>;
}

export function createVoucherSigner(chain: DeployedChain): VoucherSigner {
  const signers = createKnownSigners();
  const separator = domainSeparator({ domain: channelsDomainOf(chain) });
  /** The two messages to hash; only what is different in each voucher is written into them. */
  const [struct, message] = [new Uint8Array(96), new Uint8Array(66)];
  struct.set(hexToBytes(voucherType));
  message.set([0x19, 0x01]);
  message.set(hexToBytes(separator), 2);
  const digestOf = (channelId: ChannelId, cumulativeAmount: bigint) => {
    checkAmount(cumulativeAmount, voucherUnitsMax);
    struct.set(hexToBytes(channelId), 32);
    struct.set(numberToBytes(cumulativeAmount, { size: 32 }), 64);
    message.set(keccak_256(struct), 34);
    return keccak_256(message);
  };
  return {
    digest: (channelId, cumulativeAmount) => bytesToHex(digestOf(channelId, cumulativeAmount)),
    async sign(key, channelId, cumulativeAmount) {
      const curve = await loadCurve();
      const { signature, recoveryId } = curve.sign(digestOf(channelId, cumulativeAmount), hexToBytes(key));
      return { channelId, cumulativeAmount, signature: `${bytesToHex(signature)}${recoveryId === 0 ? '1b' : '1c'}` };
    },
    async verify(signer, { channelId, cumulativeAmount, signature }) {
      if (cumulativeAmount <= 0n || cumulativeAmount > voucherUnitsMax) return false;
      return signers.isSignedBy(signer, digestOf(channelId, cumulativeAmount), signature);
    },
  };
}

/** Parses a voucher received from a peer. @throws `bad-voucher`. */
export function parseVoucher(value: unknown): Voucher {
  const parsed = voucherSchema.safeParse(value);
  if (!parsed.success || parsed.data.cumulativeAmount === 0n) {
    throw payError('bad-voucher', {
      details: { field: parsed.error?.issues[0]?.path.join('.') ?? 'cumulativeAmount' },
    });
  }
  return { ...parsed.data, signature: parsed.data.signature as Hex };
}

export const voucherRecord = ({ channelId, cumulativeAmount, signature }: Voucher): VoucherRecord => ({
  channelId,
  cumulativeAmount: cumulativeAmount.toString(),
  signature,
});

const voucherType = keccak256(toBytes('Voucher(bytes32 channelId,uint128 cumulativeAmount)'));
