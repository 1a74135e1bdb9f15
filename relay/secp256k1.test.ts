import fc from 'fast-check';
import { hexToBytes } from 'viem';
import { afterEach, expect, test } from 'vitest';
import { deployedChain } from '#lib/pay/chain/calls.ts';
import { installCurve, loadWasmCurve, scriptCurve } from '#lib/pay/curve.ts';
import { createVoucherSigner } from '#lib/pay/voucher.ts';
import { localWallet } from '#lib/pay/wallet/local.ts';
import { loadNodeCurve } from './secp256k1.ts';

afterEach(() => installCurve(loadWasmCurve));

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const key = `0x${'17'.repeat(32)}` as const;
const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** Elsewhere the package has no build, and WebAssembly does it. */
const hasBuild = ['linux-x64', 'darwin-arm64', 'win32-x64'].includes(`${process.platform}-${process.arch}`);

test.runIf(hasBuild)('signs and recovers as the others do, and says null where they do', async () => {
  const [native, wasm] = [await loadNodeCurve(), await loadWasmCurve()];
  fc.assert(
    fc.property(bytes(32), bytes(64), fc.integer({ min: 0, max: 1 }), (digest, other, recoveryId) => {
      const signed = native.sign(digest, hexToBytes(key));
      expect(signed).toEqual(wasm.sign(digest, hexToBytes(key)));
      const recovered = native.recover(digest, signed.signature, signed.recoveryId);
      expect(recovered).toEqual(wasm.recover(digest, signed.signature, signed.recoveryId));
      expect(native.recover(digest, other, recoveryId)).toEqual(wasm.recover(digest, other, recoveryId));
    }),
    { numRuns: 60, seed: 6 },
  );
  for (const signature of [new Uint8Array(64), new Uint8Array(64).fill(255), new Uint8Array(63)]) {
    expect(native.recover(new Uint8Array(32), signature, 0)).toBeNull();
  }
  for (const bad of [new Uint8Array(32), new Uint8Array(32).fill(255)]) {
    expect(() => native.sign(new Uint8Array(32), bad)).toThrow();
  }
});

test.runIf(hasBuild)(
  'vouchers are the same whoever signs them, and one with a high s is refused as before',
  async () => {
    const signer = createVoucherSigner(deployedChain(31_337));
    const { address } = localWallet(key);
    const channelId = `0x${'5a'.repeat(32)}` as const;
    const theirs = await signer.sign(key, channelId, 7n);
    installCurve(loadNodeCurve);
    expect(await signer.sign(key, channelId, 7n)).toEqual(theirs);
    expect(await signer.verify(address, theirs)).toBe(true);
    const s = BigInt(`0x${theirs.signature.slice(66, 130)}`);
    const high = (order - s).toString(16).padStart(64, '0');
    const v = theirs.signature.endsWith('1b') ? '1c' : '1b';
    const signature = `${theirs.signature.slice(0, 66)}${high}${v}` as `0x${string}`;
    expect(await signer.verify(address, { ...theirs, signature })).toBe(false);
    installCurve(async () => scriptCurve);
    expect(await signer.sign(key, channelId, 7n)).toEqual(theirs);
  },
);
