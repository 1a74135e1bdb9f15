import { expect, test } from 'vitest';
import { createSigner } from '#lib/protocol/envelope.ts';
import { addressOfKey, testChain } from './pay.fixture.ts';
import { offerKeyOf, readRegistration, requireBond } from './registry.ts';
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

const bonded = (changes: Partial<Stake> = {}) =>
  chainWith({ offerKey: offerKeyOf(peerOf(1)), isListed: true, bonded: 2_000n, ...changes });
const named = { provider, peer: peerOf(1), tier: 'verified' } as const;

test('a bond of 200 times the largest job is enough, and says what was seen', async () => {
  expect(await requireBond(bonded(), { ...named, largestJob: 10n })).toEqual({
    chain: 31_337,
    provider,
    amount: 2_000n,
    required: 2_000n,
    block: 100n,
  });
});

test.each([
  ['too small a bond', bonded(), 11n, 'bond-too-small'],
  ['a bond on its way out', bonded({ bonded: 0n, unbonding: 2_000n }), 10n, 'bond-too-small'],
  ['one that is not listed', bonded({ isListed: false }), 0n, 'provider-unlisted'],
  ['one that the chain does not know', chainWith({}), 0n, 'provider-unlisted'],
  ['one whose key is another', bonded({ offerKey: offerKeyOf(peerOf(2)) }), 0n, 'provider-mismatch'],
] as const)('%s backs no tier', async (_what, chain, largestJob, code) => {
  await expect(requireBond(chain, { ...named, largestJob })).rejects.toMatchObject({ code });
});

test('nor does any while the chain is silent', async () => {
  const chain = bonded();
  const { head } = chain;
  chain.head = async (options) => {
    chain.answers = false;
    return head(options);
  };
  await expect(requireBond(chain, named)).rejects.toMatchObject({ code: 'chain-unavailable' });
});
