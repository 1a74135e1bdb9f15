import fc from 'fast-check';
import { hexToBytes } from 'viem';
import { sign } from 'viem/accounts';
import { afterEach, expect, test } from 'vitest';
import { toHex } from '#lib/base/bytes.ts';
import { installCurve, loadCurve, loadWasmCurve, scriptCurve } from './curve.ts';
import { keyOf } from './pay.fixture.ts';

afterEach(() => installCurve(loadWasmCurve));

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

test('the platform is asked once, and one that has none is done without', async () => {
  const native = { ...scriptCurve };
  let asked = 0;
  installCurve(async () => {
    asked += 1;
    return native;
  });
  expect(await Promise.all([loadCurve(), loadCurve()])).toEqual([native, native]);
  expect(asked).toBe(1);
  installCurve(async () => {
    throw new Error('no build for this machine');
  });
  const curve = await loadCurve();
  expect([curve === native, curve === scriptCurve]).toEqual([false, false]);
});

test('both implementations sign alike, as a wallet does, and recover the key', async () => {
  const curve = await loadCurve();
  expect(curve).not.toBe(scriptCurve);
  await fc.assert(
    fc.asyncProperty(bytes(32), fc.integer({ min: 1, max: 50 }), async (digest, n) => {
      const key = hexToBytes(keyOf(n));
      const signed = curve.sign(digest, key);
      expect(scriptCurve.sign(digest, key)).toEqual(signed);
      const text = `0x${toHex(signed.signature)}${(27 + signed.recoveryId).toString(16)}`;
      expect(await sign({ hash: `0x${toHex(digest)}`, privateKey: keyOf(n), to: 'hex' })).toBe(text);
      const recovered = curve.recover(digest, signed.signature, signed.recoveryId);
      expect(recovered).toHaveLength(65);
      expect(scriptCurve.recover(digest, signed.signature, signed.recoveryId)).toEqual(recovered);
    }),
    { numRuns: 30, seed: 3 },
  );
});

test('both recover the same from any bytes, or nothing', async () => {
  const curve = await loadCurve();
  fc.assert(
    fc.property(bytes(32), bytes(64), fc.integer({ min: 0, max: 1 }), (digest, signature, recoveryId) => {
      expect(curve.recover(digest, signature, recoveryId)).toEqual(scriptCurve.recover(digest, signature, recoveryId));
    }),
    { numRuns: 60, seed: 4 },
  );
  for (const signature of [new Uint8Array(64), new Uint8Array(64).fill(255)]) {
    expect(curve.recover(new Uint8Array(32), signature, 0)).toBeNull();
    expect(scriptCurve.recover(new Uint8Array(32), signature, 0)).toBeNull();
  }
});
