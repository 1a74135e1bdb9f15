import { setImmediate as settled } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { deployedChain } from '#lib/pay/chain/calls.ts';
import { offerKeyOf } from '#lib/pay/registry.ts';
import type { Chain, Hex } from '#lib/pay/spec.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { createRegistrations } from './registrations.ts';

const peerOf = (n: number) => createSigner(new Uint8Array(32).fill(n)).peer;
const provider = `0x${'ab'.repeat(20)}` as const;
const offerOf = (n: number, chain = 31337) => ({
  peer: peerOf(n),
  payout: { chain, provider, providerSigner: provider, delay: 86_400, depositMin: '1' },
});

function scene() {
  const clock = manualClock();
  const state = { offerKey: `0x${'00'.repeat(32)}` as Hex, isListed: false, asked: 0, answers: true };
  const chain = {
    entry: deployedChain(31337),
    async stake() {
      state.asked++;
      if (!state.answers) throw new Error('silent');
      return { ...state, bonded: 0n, unbonding: 0n, unbondedAt: 0, metadataHash: '0x', pricesHash: '0x' };
    },
  } as Partial<Chain> as Chain;
  return { of: createRegistrations({ chain, clock }), clock, state };
}

test('is known after the chain was asked, once in ten minutes', async () => {
  const { of, clock, state } = scene();
  expect(of(offerOf(1))).toBe(undefined);
  of(offerOf(1));
  await settled();
  expect([of(offerOf(1)), state.asked]).toEqual(['unregistered', 1]);
  state.offerKey = offerKeyOf(peerOf(1));
  state.isListed = true;
  await clock.advance(10 * 60_000);
  expect(of(offerOf(1))).toBe('unregistered');
  await settled();
  expect([of(offerOf(1)), state.asked]).toEqual(['listed', 2]);
});

test('shows a peer that names the provider of another', async () => {
  const { of, state } = scene();
  state.offerKey = offerKeyOf(peerOf(1));
  of(offerOf(2));
  await settled();
  expect(of(offerOf(2))).toBe('mismatched');
});

test('asks for no other chain, for few at once, and again where the chain was silent', async () => {
  const { of, state } = scene();
  expect(of(offerOf(1, 8453))).toBe(undefined);
  expect(of({ peer: peerOf(1), payout: undefined })).toBe(undefined);
  state.answers = false;
  for (let n = 1; n <= 9; n++) of(offerOf(n));
  expect(state.asked).toBe(4);
  await settled();
  state.answers = true;
  of(offerOf(1));
  await settled();
  expect(of(offerOf(1))).toBe('unregistered');
});
