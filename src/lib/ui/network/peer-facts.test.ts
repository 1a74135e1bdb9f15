import { expect, test } from 'vitest';
import { offerView } from './offer.fixture.ts';
import { peerFacts, seenFacts, type Bond } from './peer-facts.ts';

test('a peer that offers nothing is its name alone', () => {
  expect(peerFacts('12D3', undefined)).toEqual([['Peer ID', '12D3']]);
});

test('what it says of itself has no address in it', () => {
  const { offer } = offerView('12D3', [{ name: 'm' }]);
  const addrs = ['/ip4/192.0.2.7/tcp/1/ws/p2p/R/p2p-circuit/p2p/A'];
  const facts = Object.fromEntries(peerFacts('12D3', { ...offer, addrs }));
  expect(facts).toMatchObject({ Addresses: 'relayed: 1', Version: '0' });
  expect(JSON.stringify(facts)).not.toContain('192.0.2.7');
  expect(facts).not.toHaveProperty('Calls itself');
  expect(peerFacts('12D3', { ...offer, nickname: 'Ada' })).toContainEqual(['Calls itself', 'Ada']);
  expect(Object.fromEntries(peerFacts('12D3', offer)).Addresses).toBe('none: it is found through its relays');
});

test('a peer with several engines is said to be of each kind, once', () => {
  const { offer } = offerView('12D3', [{ name: 'a' }, { name: 'b' }, { name: 'c' }]);
  const engine = { name: 'webllm', build: '1', deviceClass: 'webgpu-apple' };
  const models = offer.models.map((model) => (model.name === 'b' ? { ...model, engine } : model));
  expect(Object.fromEntries(peerFacts('12D3', { ...offer, models })).Kind).toBe('browser tab (CPU), browser tab (GPU)');
});

test('a bond is said with what it is worth, and not where nothing is known', () => {
  const { offer } = offerView('12D3', [{ name: 'm' }]);
  const payout = { chain: 31_337, provider: '0x1', providerSigner: '0x1', delay: 1, depositMin: '0' } as const;
  const bondOf = (bond: Bond) => Object.fromEntries(peerFacts('12D3', { ...offer, payout }, bond)).Bond;
  expect(bondOf({ registration: 'listed', bonded: 5_000_000n })).toBe('$5.00; the account is registered to this key');
  expect(bondOf({ registration: 'described', bonded: 0n })).toContain('less than counts');
  expect(bondOf({ registration: 'of-another' })).toContain('Nothing is paid to it');
  expect(bondOf({ registration: 'unregistered' })).toBe('none; the account is not registered');
  expect(bondOf('unread')).toBe('could not be read from the chain');
  expect(bondOf(undefined)).toBeUndefined();
  expect(Object.fromEntries(peerFacts('12D3', offer, 'unread')).Bond).toBeUndefined();
});

test('what was not seen is said to be none, and problems are counted by their code', () => {
  const nothing = { connection: undefined, receipted: undefined, incidents: [], route: undefined };
  expect(Object.fromEntries(seenFacts(nothing))).toEqual({
    Connection: 'not connected',
    'Receipts with you': 'none',
    Problems: 'none',
  });
  const incident = (code: string) => ({ at: 1, peer: '12D3', code, message: '' });
  const receipted = { peer: '12D3', answers: 2, tokens: 1_500, tps: 12, models: ['m'], lastAt: 0 };
  const seen = Object.fromEntries(
    seenFacts({
      ...nothing,
      receipted,
      incidents: [incident('peer-lost'), incident('stalled'), incident('peer-lost')],
      route: { peer: '12D3', reason: 'parked', message: 'It has failed several times.' },
    }),
  );
  expect(seen).toMatchObject({
    'Receipts with you': '1,500 tokens in 2 answers',
    'Speed, by its receipts': '12.0 tokens/s',
    Problems: 'peer-lost ×2, stalled',
    'Your next question': 'It has failed several times.',
  });
});
