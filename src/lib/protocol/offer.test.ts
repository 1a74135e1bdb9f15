import { expect, test } from 'vitest';
import { encodeEnvelope, signEnvelope } from './envelope.ts';
import { limits } from './limits.ts';
import {
  understandsMust,
  offeredModelSchema,
  offerSchema,
  readOffer,
  signOffer,
  writeOffer,
  type Offer,
} from './offer.ts';
import {
  askerFixture,
  offerFixture,
  payoutFixture,
  receiptEnvelopeFixture,
  workerFixture,
} from './protocol.fixture.ts';

const code = (expected: string) => expect.objectContaining({ code: expected });
const [model] = offerFixture.models;

test('an offer survives a round trip', () => {
  const { offer, envelope } = readOffer(writeOffer(offerFixture, workerFixture));
  expect(offer).toEqual(offerFixture);
  expect(envelope).toEqual(signOffer(offerFixture, workerFixture));
});

test('a peer cannot sign an offer for another peer', () => {
  expect(() => writeOffer(offerFixture, askerFixture)).toThrow(code('bad-record'));
  const forged = encodeEnvelope(signEnvelope('offer', offerFixture, askerFixture));
  expect(() => readOffer(forged)).toThrow(code('bad-signature'));
});

test('another record type and arbitrary bytes are refused', () => {
  expect(() => readOffer(encodeEnvelope(receiptEnvelopeFixture))).toThrow(code('bad-signature'));
  expect(() => readOffer(new Uint8Array())).toThrow(code('bad-record'));
});

test('an offer above the gossip limit is neither encoded nor decoded', () => {
  const addrs = Array.from({ length: 16 }, () => '/'.repeat(512));
  const models = Array.from({ length: 32 }, () => ({ ...model!, name: 'n'.repeat(128) }));
  const large = { ...offerFixture, addrs, models };
  expect(offerSchema.safeParse(large).success).toBe(true);
  expect(() => writeOffer(large, workerFixture)).toThrow(code('frame-too-large'));
  expect(() => readOffer(new Uint8Array(limits.gossipBytesMax + 1))).toThrow(code('frame-too-large'));
});

test('each limit holds at its edge', () => {
  const fits = (over: object) => offerSchema.safeParse({ ...offerFixture, ...over }).success;
  const modelFits = (over: object) => offeredModelSchema.safeParse({ ...model, ...over }).success;
  const edges: readonly (readonly [boolean, boolean])[] = [
    [fits({ ttlMs: 120_000 }), fits({ ttlMs: 120_001 })],
    [fits({ ttlMs: 1_000 }), fits({ ttlMs: 999 })],
    [fits({ seq: Number.MAX_SAFE_INTEGER }), fits({ seq: -1 })],
    [fits({ issuedAt: 0 }), fits({ issuedAt: 0.5 })],
    [fits({ models: Array(32).fill(model) }), fits({ models: Array(33).fill(model) })],
    [fits({ tiers: ['open', 'verified', 'confidential'] }), fits({ tiers: [] })],
    [fits({ addrs: Array(16).fill('/ip4/1.2.3.4') }), fits({ addrs: Array(17).fill('') })],
    [fits({ policy: Array(16).fill('x') }), fits({ policy: Array(17).fill('x') })],
    [fits({ role: 'enclave' }), fits({ role: 'The boss' })],
    [modelFits({ slots: 1 }), modelFits({ slots: 0 })],
    [modelFits({ price: { in: '0', out: '9'.repeat(30) } }), modelFits({ price: { in: '0', out: '1'.repeat(31) } })],
    [modelFits({ price: { in: '10', out: '0' } }), modelFits({ price: { in: '010', out: '0' } })],
    [modelFits({ price: { in: '1', out: '0' } }), modelFits({ price: { in: '-1', out: '0' } })],
    [modelFits({ measured: undefined }), modelFits({ measured: { prefillTps: -1, decodeTps: 1, ttftMs: 1 } })],
    [
      modelFits({ measured: { prefillTps: 1e9, decodeTps: 0, ttftMs: 0.5 } }),
      modelFits({ measured: { prefillTps: 1e9 + 1, decodeTps: 0, ttftMs: 0 } }),
    ],
    [modelFits({ kinds: Array(16).fill('a') }), modelFits({ kinds: Array(17).fill('a') })],
    [modelFits({ kinds: ['chat'] }), modelFits({ kinds: [] })],
    [modelFits({ features: Array(32).fill('a') }), modelFits({ features: Array(33).fill('a') })],
    [fits({ tiers: Array(8).fill('a') }), fits({ tiers: Array(9).fill('a') })],
    [fits({ must: Array(16).fill('a') }), fits({ must: Array(17).fill('a') })],
    [fits({ payout: payoutFixture }), fits({ payout: { ...payoutFixture, provider: `0x${'1A'.repeat(20)}` } })],
    [fits({ payout: { ...payoutFixture, chain: 1 } }), fits({ payout: { ...payoutFixture, chain: 0 } })],
    [
      fits({ payout: { ...payoutFixture, delay: 2 ** 48 - 1 } }),
      fits({ payout: { ...payoutFixture, delay: 2 ** 48 } }),
    ],
    [fits({ payout: undefined }), fits({ payout: { ...payoutFixture, depositMin: '1.5' } })],
    [fits({ attestation: new Uint8Array(8_192) }), fits({ attestation: new Uint8Array(8_193) })],
  ];
  edges.forEach(([inside, outside], i) => expect([i, inside, outside]).toEqual([i, true, false]));
});

test('an offer without models is valid: a goodbye', () => {
  const goodbye: Offer = { ...offerFixture, draining: true, models: [] };
  expect(readOffer(writeOffer(goodbye, workerFixture)).offer).toEqual(goodbye);
});

test('a newer peer’s offer keeps its known members, and its unknown models are skipped', () => {
  const [known] = offerFixture.models;
  const newer = {
    ...offerFixture,
    role: 'swarm',
    tiers: ['open', 'audited'],
    policy: ['riddles'],
    mood: 'fine',
    models: [
      { ...known, kinds: ['chat', 'video'], features: ['smell'], licence: 'MIT' },
      { name: 'of another shape' },
      { ...known, name: 'a\u202ename' },
      { ...known, kinds: ['Chat'] },
      'a word',
    ],
  };
  const { offer } = readOffer(encodeEnvelope(signEnvelope('offer', newer, workerFixture)));
  expect(offer).toEqual({
    ...offerFixture,
    role: 'swarm',
    tiers: ['open', 'audited'],
    policy: ['riddles'],
    models: [{ ...known, kinds: ['chat', 'video'], features: ['smell'] }],
  });
  expect(understandsMust(offer)).toBe(true);
});

test('an offer with an unknown word in `must` is decoded but not used', () => {
  const { offer } = readOffer(writeOffer({ ...offerFixture, must: ['sealed'] }, workerFixture));
  expect(understandsMust(offer)).toBe(false);
});

test('signing refuses a model that a reader would skip', () => {
  const models = [{ ...offerFixture.models[0]!, name: ' x' }];
  expect(() => signOffer({ ...offerFixture, models }, workerFixture)).toThrow(code('bad-record'));
});
