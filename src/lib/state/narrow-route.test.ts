import { expect, test } from 'vitest';
import type { Offer } from '#lib/protocol/offer.ts';
import { emptyLibrary, type LibraryView } from './library.ts';
import { noNetwork, type NetworkView, type OfferView } from './network.ts';
import { isOffered, meaningModel, narrowRoute } from './narrow-route.ts';
import { anyPeer, previewRoute, thisDevice } from './target.ts';

type Model = Partial<Offer['models'][number]> & { readonly name: string };

const offer = (peer: string, models: readonly Model[], change: Partial<Offer> = {}): OfferView => ({
  self: false,
  audience: 'network',
  receivedAt: 0,
  offer: {
    peer,
    seq: 1,
    issuedAt: 0,
    ttlMs: 45_000,
    role: 'tab',
    draining: false,
    engine: { name: 'scripted', build: '1', deviceClass: 'wasm-cpu' },
    models: models.map((model) => ({
      artefact: 'a'.repeat(64),
      kinds: ['chat'],
      features: [],
      contextTokens: 1_024,
      quantisation: 'q8',
      price: { in: '0', out: '0' },
      slots: 1,
      running: 0,
      queued: 0,
      ...model,
    })),
    tiers: ['open'],
    policy: [],
    addrs: [],
    build: '0',
    ...change,
  },
});

const online = (...offers: OfferView[]): NetworkView => ({ ...noNetwork, phase: 'online', offers });
const fast = { prefillTps: 1, decodeTps: 90, ttftMs: 1 };
const withModel = (name: string): LibraryView => ({
  ...emptyLibrary,
  loaded: [name],
  models: [
    {
      name,
      title: name,
      parameters: 1,
      quantisation: '',
      contextTokens: 512,
      sizeBytes: 1,
      missingBytes: 1,
      memoryBytes: 1,
      licence: '',
      engine: 'wllama',
      own: false,
      cachedBytes: 0,
      fit: { fits: true, reason: '' },
      domains: [],
      languages: [],
      cardUrl: undefined,
    },
  ],
});
const peers = (found: ReturnType<typeof previewRoute>) =>
  found.kind === 'network' ? found.offers.map((view) => view.offer.peer) : found;

test('with a picture only those that see pictures are named, whatever else they serve, and nobody where none does', () => {
  const eyes = { features: ['vision'] };
  const network = online(
    offer('blind', [{ name: 'm', measured: fast }]),
    offer('both', [
      { name: 'm', contextTokens: 256 },
      { name: 'n', ...eyes, contextTokens: 2_048 },
    ]),
    offer('sees', [{ name: 'm', ...eyes, running: 1 }]),
  );
  const found = (sight: 'must' | 'rather', of: NetworkView, target = anyPeer) =>
    narrowRoute(previewRoute(target, of, emptyLibrary), target, { sight });
  expect(peers(found('must', network))).toEqual(['both', 'sees']);
  expect(found('must', network)).toMatchObject({ model: 'n', contextTokens: 1_024 });
  expect(peers(found('rather', network, { model: 'm', by: 'anyone' }))).toEqual(['sees']);
  const blind = online(offer('blind', [{ name: 'm' }]));
  expect(found('must', blind)).toEqual({ kind: 'none', why: 'not-fitting' });
  expect(peers(found('rather', blind))).toEqual(['blind']);
});

test('of a higher tier only those are shown that claim it and have an account, and this device is none', () => {
  const payout: Offer['payout'] = {
    chain: 1,
    provider: '0x1',
    providerSigner: '0x1',
    delay: 1,
    depositMin: '1',
  };
  const claims: Partial<Offer> = { tiers: ['open', 'verified'], payout };
  const verified = (of: NetworkView, library = emptyLibrary, target = anyPeer) =>
    narrowRoute(previewRoute(target, of, library), target, { tier: 'verified' });
  const open = offer('open', [{ name: 'm' }], { payout });
  const network = online(
    open,
    offer('claims', [{ name: 'm' }], claims),
    offer('penniless', [{ name: 'm' }], { tiers: ['open', 'verified'] }),
  );
  expect(peers(verified(network))).toEqual(['claims']);
  expect(verified(online(open), withModel('m'))).toEqual({ kind: 'none', why: 'not-fitting' });
  expect(verified(online(), withModel('m'))).toEqual({ kind: 'none', why: 'not-fitting' });
  expect(verified(online())).toEqual({ kind: 'none', why: 'not-served' });
  expect(verified(online(open), withModel('m'), thisDevice)).toMatchObject({ kind: 'this-device' });
});

test('a feature is offered where somebody who can take the question has it', () => {
  const tools = [{ name: 'm', features: ['tools'] }, { name: 'n' }];
  const network = online(offer('A', [{ name: 'm' }]), offer('B', tools), { ...offer('Me', tools), self: true });
  const has = (target: Parameters<typeof isOffered>[1], library = emptyLibrary) =>
    isOffered('tools', target, network, previewRoute(target, network, library));
  expect(has(anyPeer)).toBe(true);
  expect(has({ model: 'n', by: 'anyone' })).toBe(false);
  expect(has({ model: 'm', by: 'A' })).toBe(false);
  expect(has(thisDevice, withModel('m'))).toBe(true);
  expect(has(thisDevice, withModel('n'))).toBe(false);
});

test('vectors are computed by a peer that the target allows, for nothing, and never for a question that stays here', () => {
  const kinds = ['chat', 'embedding'];
  const network = online(
    offer('A', [{ name: 'chats' }, { name: 'dear', kinds, price: { in: '1', out: '0' } }]),
    offer('B', [{ name: 'vectors', kinds: ['embedding'] }]),
    offer('C', [{ name: 'both', kinds }]),
  );
  expect(meaningModel(anyPeer, network)).toBe('vectors');
  expect(meaningModel({ model: 'any', by: 'C' }, network)).toBe('both');
  expect(meaningModel({ model: 'any', by: 'A' }, network)).toBeUndefined();
  expect(meaningModel(thisDevice, network)).toBeUndefined();
  const own = { ...offer('D', [{ name: 'own', kinds }]), self: true };
  expect(
    meaningModel(anyPeer, online(own, offer('E', [{ name: 'leaving', kinds }], { draining: true }))),
  ).toBeUndefined();
});
