import { hexToBigInt, numberToHex, slice, concat } from 'viem';
import { describe, expect, test } from 'vitest';
import { voucherUnitsMax } from './amount.ts';
import { addressOfKey, entry, keyOf, testTerms, walletOf } from './pay.fixture.ts';
import { digestOf } from './signature.ts';
import type { Hex } from './spec.ts';
import { channelIdOf } from './terms.ts';
import { voucherData } from './typed-data.ts';
import { createVoucherSigner, parseVoucher, voucherRecord } from './voucher.ts';

const id = channelIdOf(testTerms());
const signer = createVoucherSigner(entry);
const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** The complementary high-s signature: mathematically valid, but rejected by the contract. */
function highS(signature: Hex): Hex {
  const s = numberToHex(order - hexToBigInt(slice(signature, 32, 64)), { size: 32 });
  return concat([slice(signature, 0, 32), s, signature.endsWith('1b') ? '0x1c' : '0x1b']);
}

test('the optimised digest equals EIP-712’s', async () => {
  expect(signer.digest(id, 5n)).toBe(digestOf(voucherData(entry, id, 5n)));
  const { signature } = await signer.sign(keyOf(2), id, 5n);
  expect(signature).toBe(await walletOf(2).signTypedData(voucherData(entry, id, 5n)));
});

test('a signed voucher verifies, at the smallest and the largest amount', async () => {
  for (const amount of [1n, voucherUnitsMax]) {
    const voucher = await signer.sign(keyOf(2), id, amount);
    expect(await signer.verify(addressOfKey(2), voucher)).toBe(true);
  }
});

describe('a voucher is refused', () => {
  const made = signer.sign(keyOf(2), id, 5n);
  test.each([
    ['of another signer', async () => signer.sign(keyOf(3), id, 5n)],
    ['for another amount', async () => ({ ...(await made), cumulativeAmount: 6n })],
    ['of another channel', async () => ({ ...(await made), channelId: channelIdOf(testTerms(9)) })],
    ['of another chain', async () => createVoucherSigner({ ...entry, id: 8453 }).sign(keyOf(2), id, 5n)],
    [
      'of another contract',
      async () =>
        createVoucherSigner({ ...entry, contracts: { ...entry.contracts, channels: addressOfKey(7) } }).sign(
          keyOf(2),
          id,
          5n,
        ),
    ],
    ['with the other s', async () => ({ ...(await made), signature: highS((await made).signature) })],
    ['with a v of 0', async () => ({ ...(await made), signature: `${(await made).signature.slice(0, -2)}00` as Hex })],
    ['one byte short', async () => ({ ...(await made), signature: (await made).signature.slice(0, -2) as Hex })],
    ['one byte long', async () => ({ ...(await made), signature: `${(await made).signature}00` as Hex })],
    ['with an empty signature', async () => ({ ...(await made), signature: '0x' as Hex })],
    ['with r and s of zero', async () => ({ ...(await made), signature: `0x${'00'.repeat(64)}1b` as Hex })],
    ['for nothing', async () => ({ ...(await made), cumulativeAmount: 0n })],
    ['for more than 128 bits', async () => ({ ...(await made), cumulativeAmount: voucherUnitsMax + 1n })],
  ])('%s', async (_, forge) => {
    expect(await signer.verify(addressOfKey(2), await forge())).toBe(false);
  });

  test.each([0n, -1n])('before signing: %s', async (amount) => {
    await expect(signer.sign(keyOf(2), id, amount)).rejects.toMatchObject({ code: 'amount-zero' });
  });
  test('before signing: more than 128 bits', async () => {
    await expect(signer.sign(keyOf(2), id, voucherUnitsMax + 1n)).rejects.toMatchObject({ code: 'amount-too-large' });
  });
});

test('a voucher round-trips through its wire form', async () => {
  const voucher = await signer.sign(keyOf(2), id, 2n ** 100n);
  const record = JSON.parse(JSON.stringify(voucherRecord(voucher))) as unknown;
  expect(parseVoucher(record)).toEqual(voucher);
});

test('anything but a voucher is refused when parsed', async () => {
  const record = voucherRecord(await signer.sign(keyOf(2), id, 5n));
  const changes: readonly object[] = [
    { channelId: '0x12' },
    { cumulativeAmount: '0' },
    { cumulativeAmount: '-1' },
    { cumulativeAmount: '1.5' },
    { cumulativeAmount: 5 },
    { cumulativeAmount: '05' },
    { cumulativeAmount: (voucherUnitsMax + 1n).toString() },
    { signature: '0x' },
    { signature: `${record.signature}00` },
    { signature: highS(record.signature as Hex) },
    { signature: undefined },
  ];
  for (const change of changes) {
    expect(() => parseVoucher({ ...record, ...change })).toThrow(expect.objectContaining({ code: 'bad-voucher' }));
  }
  for (const value of [null, undefined, 'voucher', []]) {
    expect(() => parseVoucher(value)).toThrow(expect.objectContaining({ code: 'bad-voucher' }));
  }
});
