import { expect, test } from 'vitest';
import type { Offer } from '#lib/protocol/offer.ts';
import { emptyLibrary, type LibraryView } from './library.ts';
import { noNetwork, type NetworkView, type OfferView } from './network.ts';
import { anyPeer, previewRoute, servedModels } from './target.ts';

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
const slow = { prefillTps: 1, decodeTps: 9, ttftMs: 1 };
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

test('idle before busy, fast before slow, and draining workers excluded', () => {
  const network = online(
    offer('slow', [{ name: 'm', measured: slow }]),
    offer('busy', [{ name: 'm', measured: fast, running: 1 }]),
    offer('fast', [{ name: 'm', measured: fast }]),
    offer('gone', [{ name: 'm', measured: fast }], { draining: true }),
  );
  expect(peers(previewRoute(anyPeer, network, emptyLibrary))).toEqual(['fast', 'slow', 'busy']);
});

test('a queue is reported as position and seconds', () => {
  const network = online(offer('p', [{ name: 'm', running: 1, queued: 2, measured: { ...fast, decodeTps: 100 } }]));
  expect(previewRoute(anyPeer, network, emptyLibrary)).toMatchObject({ waiting: { position: 3, seconds: 6 } });
  expect(previewRoute(anyPeer, online(offer('p', [{ name: 'm' }])), emptyLibrary)).toMatchObject({
    waiting: undefined,
  });
});

test('the context size is the smallest among the candidates', () => {
  const network = online(
    offer('a', [{ name: 'm', contextTokens: 4_096 }]),
    offer('b', [{ name: 'm', contextTokens: 512 }]),
  );
  expect(previewRoute(anyPeer, network, emptyLibrary)).toMatchObject({ contextTokens: 512 });
});

test('selects a model by name and a peer by id', () => {
  const network = online(offer('a', [{ name: 'm' }]), offer('b', [{ name: 'n' }]));
  expect(peers(previewRoute({ model: 'n', by: 'anyone' }, network, emptyLibrary))).toEqual(['b']);
  expect(peers(previewRoute({ model: 'any', by: 'a' }, network, emptyLibrary))).toEqual(['a']);
  expect(previewRoute({ model: 'any', by: 'z' }, network, emptyLibrary)).toEqual({ kind: 'none', why: 'peer-gone' });
});

test('reports why no route is available', () => {
  const why = (phase: NetworkView['phase']) => previewRoute(anyPeer, { ...noNetwork, phase }, emptyLibrary);
  expect(why('online')).toEqual({ kind: 'none', why: 'not-served' });
  expect(why('offline')).toEqual({ kind: 'none', why: 'offline' });
  expect(why('connecting')).toEqual({ kind: 'none', why: 'starting' });
});

test('this device answers once a model is loaded, and automatically if there is no other worker', () => {
  const local = { kind: 'this-device', model: 'm', contextTokens: 512 };
  expect(previewRoute({ model: 'any', by: 'this-device' }, online(), emptyLibrary)).toMatchObject({
    kind: 'load-first',
  });
  expect(previewRoute({ model: 'any', by: 'this-device' }, online(), withModel('m'))).toEqual(local);
  expect(previewRoute(anyPeer, { ...noNetwork, phase: 'offline' }, withModel('m'))).toEqual(local);
  expect(previewRoute({ model: 'other', by: 'anyone' }, online(), withModel('m'))).toMatchObject({ kind: 'none' });
});

test('this device has to load the requested model first if another is loaded', () => {
  const other = { model: 'other', by: 'this-device' };
  expect(previewRoute(other, online(), withModel('m'))).toEqual({ kind: 'load-first', model: 'other' });
  expect(previewRoute({ ...other, model: 'm' }, online(), withModel('m'))).toMatchObject({
    kind: 'this-device',
    model: 'm',
  });
});

test('model names are unique and sorted', () => {
  expect(servedModels(online(offer('a', [{ name: 'n' }, { name: 'm' }]), offer('b', [{ name: 'm' }])))).toEqual([
    'm',
    'n',
  ]);
});

test('without a relay only this device and peers still connected can answer', () => {
  const [near, far] = [offer('near', [{ name: 'm', measured: slow }]), offer('far', [{ name: 'm', measured: fast }])];
  const connection = { peer: 'near', path: 'direct', transport: 'webrtc', direction: 'outbound' } as const;
  const offline: NetworkView = { ...online(far, near), phase: 'offline' };
  expect(previewRoute(anyPeer, { ...offline, connections: [connection] }, emptyLibrary)).toMatchObject({
    kind: 'network',
    offers: [{ offer: { peer: 'near' } }],
  });
  expect(previewRoute(anyPeer, offline, emptyLibrary)).toEqual({ kind: 'none', why: 'offline' });
  expect(previewRoute(anyPeer, offline, withModel('m'))).toMatchObject({ kind: 'this-device' });
});

const price = { in: '1000000', out: '2000000' };
const payout = { chain: 31_337, provider: '0x1', providerSigner: '0x1', delay: 86_400, depositMin: '1' } as const;
const asking = offer('Paid', [{ name: 'm', price }], { payout: payout as never });
test('a peer that asks for money is named only where this page may pay it, on its chain and as much', () => {
  const preview = (paying?: { readonly chain: number; readonly budget: bigint }) =>
    previewRoute(anyPeer, online(asking), emptyLibrary, paying);
  expect(preview({ chain: 31_337, budget: 10_000n })).toMatchObject({ kind: 'network', offers: [asking] });
  const refused = { kind: 'none', why: 'asks-money', offers: [asking] };
  expect(preview()).toEqual(refused);
  expect(preview({ chain: 1, budget: 10_000n })).toEqual(refused);
  expect(preview({ chain: 31_337, budget: 100n })).toEqual(refused);
});

test('a free peer answers beside one that asks for money, unless that one is named', () => {
  const free = offer('Free', [{ name: 'm' }]);
  expect(previewRoute(anyPeer, online(asking, free), emptyLibrary)).toMatchObject({ kind: 'network', offers: [free] });
  const named = previewRoute({ model: 'any', by: 'Paid' }, online(asking, free), emptyLibrary);
  expect(named).toMatchObject({ kind: 'none', why: 'asks-money' });
});

test('of several models of one peer the likeliest is named, as of several peers', () => {
  const several = offer('A', [
    { name: 'slow', measured: slow },
    { name: 'fast', measured: fast },
    { name: 'dear', measured: { ...fast, decodeTps: 900 }, price: { in: '1', out: '1' } },
  ]);
  const other = offer('B', [{ name: 'other', measured: { ...slow, decodeTps: 30 } }]);
  expect(previewRoute(anyPeer, online(other, several), emptyLibrary)).toMatchObject({
    model: 'fast',
    offers: [several, other],
  });
  const busy = offer('A', [
    { name: 'slow', measured: slow },
    { name: 'fast', measured: fast, running: 1 },
  ]);
  expect(previewRoute(anyPeer, online(busy), emptyLibrary)).toMatchObject({ model: 'slow', waiting: undefined });
  expect(previewRoute({ model: 'fast', by: 'A' }, online(busy), emptyLibrary)).toMatchObject({
    model: 'fast',
    waiting: { position: 1 },
  });
});
