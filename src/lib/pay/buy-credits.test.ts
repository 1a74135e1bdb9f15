import { verifyTypedData } from 'viem';
import { expect, test } from 'vitest';
import { seededRandom } from '#lib/base/random.ts';
import { creditChain, signCreditPayment } from './buy-credits.ts';
import { localWallet } from './wallet/local.ts';

const entry = creditChain(31_337)!;
const wallet = localWallet(`0x${'22'.repeat(32)}`);
const payTo = '0x23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f';
const agreed = { chainId: 31_337, payTo, credits: 500 };
const { address: asset, name, version } = entry.token;
const exact = {
  scheme: 'exact',
  network: 'eip155:31337',
  asset,
  amount: '5000000',
  payTo,
  maxTimeoutSeconds: 300,
  extra: { name, version },
};
const terms = (...accepts: readonly unknown[]) => ({ x402Version: 2, accepts });
const sign = (body: unknown, more: Partial<typeof agreed> = {}) =>
  signCreditPayment(body, { ...agreed, ...more }, wallet, { random: seededRandom(1), now: 1_000 });

test('what was agreed to is signed for the token, and the terms go back as they came', async () => {
  const { header, validBefore } = await sign(terms({ ...exact, scheme: 'upto' }, exact));
  expect(validBefore).toBe(1_600);
  const payment = JSON.parse(atob(header));
  expect(payment).toMatchObject({ x402Version: 2, accepted: exact });
  const { authorization, signature } = payment.payload;
  expect(authorization).toMatchObject({
    from: wallet.address,
    to: payTo,
    value: '5000000',
    validAfter: '0',
    validBefore: '1600',
  });
  const member = (name: string, type: string) => ({ name, type });
  const isValid = await verifyTypedData({
    address: wallet.address,
    domain: { name, version, chainId: 31_337, verifyingContract: asset },
    types: {
      TransferWithAuthorization: [
        member('from', 'address'),
        member('to', 'address'),
        member('value', 'uint256'),
        member('validAfter', 'uint256'),
        member('validBefore', 'uint256'),
        member('nonce', 'bytes32'),
      ],
    },
    primaryType: 'TransferWithAuthorization',
    message: { ...authorization, value: 5_000_000n, validAfter: 0n, validBefore: 1_600n },
    signature,
  });
  expect(isValid).toBe(true);
});

test.each<readonly [string, unknown]>([
  ['a larger amount', terms({ ...exact, amount: '5000001' })],
  ['a smaller amount', terms({ ...exact, amount: '4999999' })],
  ['another payee', terms({ ...exact, payTo: asset })],
  ['another token', terms({ ...exact, asset: payTo })],
  ['another chain', terms({ ...exact, network: 'eip155:8453' })],
  ['another scheme', terms({ ...exact, scheme: 'upto' })],
  ['a token by another name', terms({ ...exact, extra: { name: 'Other', version } })],
  ['another version of x402', { x402Version: 1, accepts: [exact] }],
  ['no terms', terms()],
  ['a word instead of terms', terms('exact')],
  ['nothing', undefined],
])('%s is not signed', async (_, body) => {
  await expect(sign(body)).rejects.toMatchObject({ code: 'terms-differ' });
});

test('a chain whose dollar is not known here is not paid on', async () => {
  await expect(sign(terms(exact), { chainId: 5 })).rejects.toMatchObject({ code: 'chain-unknown' });
});
