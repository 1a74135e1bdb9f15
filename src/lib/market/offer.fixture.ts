import type { Envelope } from '#lib/protocol/envelope.ts';
import type { Offer, OfferedModel } from '#lib/protocol/offer.ts';
import type { DirectoryEntry } from './spec.ts';

/** Plain offers for tests; the signature is not looked at in this room. */
export const nowMs = 1_700_000_000_000;
export const artefactA = 'a'.repeat(64);
export const artefactB = 'b'.repeat(64);
export const envelopeFixture: Envelope = {
  type: 'offer',
  payload: new Uint8Array(),
  key: new Uint8Array(32),
  sig: new Uint8Array(64),
};

export const peerFixture = (name: string): string => `12D3KooW${name.padEnd(44, '1')}`;

export const modelFixture = (over: Partial<OfferedModel> = {}): OfferedModel => ({
  artefact: artefactA,
  name: 'tabloom-demo',
  kinds: ['chat'],
  features: [],
  contextTokens: 512,
  quantisation: 'Q8_0',
  price: { in: '0', out: '0' },
  slots: 1,
  running: 0,
  queued: 0,
  measured: { prefillTps: 500, decodeTps: 50, ttftMs: 100 },
  ...over,
});

export const marketOffer = (name: string, over: Partial<Offer> = {}): Offer => ({
  peer: peerFixture(name),
  seq: 1,
  issuedAt: nowMs,
  ttlMs: 45_000,
  role: 'tab',
  draining: false,
  engine: { name: 'scripted', build: '1', deviceClass: 'wasm-cpu' },
  models: [modelFixture()],
  tiers: ['open'],
  policy: [],
  addrs: [],
  build: '0.1.0',
  ...over,
});

export const entryFixture = (name: string, over: Partial<Offer> = {}): DirectoryEntry => ({
  offer: marketOffer(name, over),
  envelope: envelopeFixture,
  receivedAt: nowMs,
  expiresAt: nowMs + 45_000,
});
