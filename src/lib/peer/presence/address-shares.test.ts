import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createDirectory } from '#lib/market/directory.ts';
import { createSigner, type Signer } from '#lib/protocol/envelope.ts';
import { offersTopic } from '#lib/protocol/find.ts';
import { limits } from '#lib/protocol/limits.ts';
import { writeOffer, type Offer, type OfferedModel } from '#lib/protocol/offer.ts';
import { offerFixture } from '#lib/protocol/protocol.fixture.ts';
import { addressLimits, createAddressShares } from './address-shares.ts';
import { createOfferValidator } from './offer-validator.ts';

const { offersMax, modelsMax, offerBytes, streamsMax, streamOpenings, findBytes, zoneFactor } = addressLimits;
const KiB = 1024;
const at = (host: string) => `/ip4/${host}/tcp/40000/ws`;

const signerOf = (number: number): Signer => {
  const seed = new Uint8Array(32).fill(5);
  new DataView(seed.buffer).setUint32(0, number);
  return createSigner(seed);
};

function setup() {
  const clock = manualClock();
  const directory = createDirectory({ clock });
  const shares = createAddressShares({ clock, directory });
  const validate = createOfferValidator({ directory, clock, trusts: () => false, strangers: 'none', shares })(
    offersTopic,
  );
  let seq = 0;
  const announce = (signer: Signer, address: string | undefined, change: Partial<Offer> = {}) => {
    const offer = { ...offerFixture, peer: signer.peer, seq: ++seq, issuedAt: clock.now(), ttlMs: 60_000, ...change };
    const route = { source: signer.peer, connected: true, address };
    return validate(writeOffer(offer, signer), signer.peer, route);
  };
  return { clock, directory, shares, announce };
}

/** Models that nobody else has. */
const ownModels = (number: number, count: number): OfferedModel[] =>
  Array.from({ length: count }, (_, i) => ({ ...offerFixture.models[0]!, name: `m${number}-${i}` }));

test('A11: the models and the offers of one address are bounded, whatever its identities', async () => {
  const { clock, directory, announce } = setup();
  const hostile = Array.from({ length: 10 }, (_, i) => signerOf(i));
  for (let round = 0; round < 6; round++) {
    for (const [i, signer] of hostile.entries()) announce(signer, at('192.0.2.1'), { models: ownModels(i, 32) });
    await clock.advance(limits.offerHeartbeatMs);
  }
  const names = new Set(directory.entries().flatMap(({ offer }) => offer.models.map(({ name }) => name)));
  expect(names.size).toBe(modelsMax);
  // Elsewhere in the same zone there is room.
  expect(announce(signerOf(50), at('192.0.2.2'))).toBe('accept');
});

test('A11: a flood of large offers uses up the share of its address, and no other', () => {
  const { announce } = setup();
  const flood = (host: string, first: number) => {
    let accepted = 0;
    for (let i = 0; i < 100; i++) {
      const signer = signerOf(first + (i % 10));
      if (announce(signer, at(host), { models: ownModels(i % 10, 32) }) === 'accept') accepted += 1;
    }
    return accepted;
  };
  expect(flood('192.0.2.1', 0)).toBeLessThan(offerBytes.burst / (4 * KiB));
  expect(announce(signerOf(100), at('198.51.100.1'))).toBe('accept');
});

test('a peer that is listed keeps its place while others flood from its address', async () => {
  const { clock, directory, announce } = setup();
  const honest = signerOf(1);
  announce(honest, at('192.0.2.1'));
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < 60; i++) announce(signerOf(100 + i), at('192.0.2.1'), { models: ownModels(i, 32) });
    await clock.advance(limits.offerHeartbeatMs);
    announce(honest, at('192.0.2.1'));
    expect(directory.get(honest.peer)).toBeDefined();
  }
});

test('a school shares one address: many tabs with one model', async () => {
  const { clock, directory, announce } = setup();
  const verdicts: string[] = [];
  for (let i = 0; i < offersMax + 5; i++) {
    verdicts.push(announce(signerOf(i), at('192.0.2.1')));
    await clock.advance(100);
  }
  expect(verdicts.filter((verdict) => verdict === 'accept')).toHaveLength(offersMax);
  // Room is made as they leave.
  directory.remove(signerOf(0).peer);
  expect(announce(signerOf(500), at('192.0.2.1'))).toBe('accept');
  expect(announce(signerOf(501), at('192.0.2.1'))).toBe('ignore');
});

test('the addresses of one zone share four times as much', async () => {
  const { clock, announce } = setup();
  let accepted = 0;
  for (let i = 0; i < 20; i++) {
    if (announce(signerOf(i), at(`192.0.2.${i}`), { models: ownModels(i, 32) }) === 'accept') accepted += 1;
    await clock.advance(2_000);
  }
  expect(accepted).toBe((modelsMax * zoneFactor) / 32);
});

test('an offer that replaces one of the same peer needs no second place', async () => {
  const { clock, announce } = setup();
  for (let i = 0; i < 10; i++) {
    expect(announce(signerOf(1), at('192.0.2.1'), { models: ownModels(1, 32) })).toBe('accept');
    await clock.advance(limits.offerHeartbeatMs);
  }
});

test('a peer without an address is not limited here', () => {
  const { shares, announce } = setup();
  for (let i = 0; i < 30; i++) expect(announce(signerOf(i), undefined, { models: ownModels(i, 32) })).toBe('accept');
  expect(shares.chargeBytes(undefined, 1e9)).toBe(0);
  expect(shares.openStream(undefined)).toBeDefined();
});

test('A13: streams of one address are bounded, open at once and over time', async () => {
  const { clock, shares } = setup();
  const open = Array.from({ length: streamsMax }, () => shares.openStream(at('192.0.2.1'))!);
  expect(shares.openStream(at('192.0.2.1'))).toBeUndefined();
  expect(shares.openStream(at('192.0.2.2'))).toBeDefined();
  for (const one of open) one.release();
  for (let i = streamsMax; i < streamOpenings.burst; i++) shares.openStream(at('192.0.2.1'))!.release();
  expect(shares.openStream(at('192.0.2.1'))).toBeUndefined();
  await clock.advance(1_000);
  expect(shares.openStream(at('192.0.2.1'))).toBeDefined();
});

test('A13: bytes beyond the burst wait', () => {
  const { shares } = setup();
  expect(shares.chargeBytes(at('192.0.2.1'), findBytes.burst)).toBe(0);
  expect(shares.chargeBytes(at('192.0.2.1'), findBytes.perSecond)).toBe(1_000);
  expect(shares.chargeBytes(at('192.0.2.2'), KiB)).toBe(0);
});
