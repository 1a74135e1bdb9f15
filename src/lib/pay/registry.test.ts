import { expect, test } from 'vitest';
import { createSigner } from '#lib/protocol/envelope.ts';
import { addressOfKey, testChain } from './pay.fixture.ts';
import { offerKeyOf, readRegistration } from './registry.ts';
import type { Stake } from './spec.ts';

const peerOf = (n: number) => createSigner(new Uint8Array(32).fill(n)).peer;
const provider = addressOfKey(3);

function chainWith(stake: Partial<Stake>) {
  const chain = testChain();
  const nothing = chain.stake;
  chain.stake = async (...args) => ({ ...(await nothing(...args)), ...stake });
  return chain;
}

test('a provider that the chain does not know is bound by the offer alone, whoever the peer is', async () => {
  expect(await readRegistration(chainWith({}), { provider, peer: 'p' })).toBe('unregistered');
});

test('one that it knows names the key of the peer whose offer names it', async () => {
  const offerKey = offerKeyOf(peerOf(1));
  const one = { provider, peer: peerOf(1) };
  expect(await readRegistration(chainWith({ offerKey }), one)).toBe('described');
  expect(await readRegistration(chainWith({ offerKey, isListed: true }), one)).toBe('listed');
});

test("another peer's offer that names it is refused, bonded or not", async () => {
  const chain = chainWith({ offerKey: offerKeyOf(peerOf(1)), isListed: true });
  await expect(readRegistration(chain, { provider, peer: peerOf(2) })).rejects.toMatchObject({
    code: 'provider-mismatch',
  });
});
