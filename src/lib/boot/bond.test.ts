import { expect, test } from 'vitest';
import { payError } from '#lib/pay/errors.ts';
import { offerKeyOf } from '#lib/pay/registry.ts';
import type { Chain, Hex } from '#lib/pay/spec.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { bondOf } from './bond.ts';

const peerOf = (fill: number) => createSigner(new Uint8Array(32).fill(fill)).peer;
const [peer, other] = [peerOf(1), peerOf(2)];
const account = { peer, provider: '0x0000000000000000000000000000000000000001' };
const unnamed: Hex = `0x${'0'.repeat(64)}`;
const chainWith = (offerKey: Hex, isListed = false): Chain =>
  ({ stake: async () => ({ bonded: 5_000_000n, isListed, offerKey }) }) as unknown as Chain;

test('a bond counts for the peer that its account names, and no other', async () => {
  expect(await bondOf(chainWith(offerKeyOf(peer), true), account)).toEqual({
    registration: 'listed',
    bonded: 5_000_000n,
  });
  expect(await bondOf(chainWith(offerKeyOf(peer)), account)).toEqual({
    registration: 'described',
    bonded: 5_000_000n,
  });
  expect(await bondOf(chainWith(unnamed), account)).toEqual({ registration: 'unregistered' });
  expect(await bondOf(chainWith(offerKeyOf(other), true), account)).toEqual({ registration: 'of-another' });
});

test('a chain that is silent is not read as one without a bond', async () => {
  const silent = { stake: async () => Promise.reject(payError('chain-unavailable')) } as unknown as Chain;
  await expect(bondOf(silent, account)).rejects.toMatchObject({ code: 'chain-unavailable' });
});
