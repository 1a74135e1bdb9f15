import { expect, test } from 'vitest';
import { encodeCbor } from './cbor.ts';
import { signEnvelope, type Envelope } from './envelope.ts';
import {
  decodeFindFrame,
  decodeFindRequest,
  encodeFindFrame,
  encodeFindRequest,
  encodeSample,
  type FindFrame,
} from './find.ts';
import { limits } from './limits.ts';
import { offerEnvelopeFixture, receiptEnvelopeFixture, workerFixture } from './protocol.fixture.ts';

const badFrame = expect.objectContaining({ code: 'bad-frame' });

test('requests and frames survive a round trip', () => {
  for (const request of [
    { limit: 64 },
    { limit: 1, artefact: 'a'.repeat(64), tier: 'open' as const, features: ['a-later-one'] },
    { limit: 16, name: 'a model', kind: 'a-later-one' },
  ]) {
    expect(decodeFindRequest(encodeFindRequest(request))).toEqual(request);
  }
  const frames: FindFrame[] = [
    { t: 'hello', peer: workerFixture.peer, build: '0.1.0', network: 'small', peers: 3 },
    { t: 'sample', offers: [offerEnvelopeFixture] },
    { t: 'offer', offer: offerEnvelopeFixture },
    { t: 'gone', peer: workerFixture.peer },
    { t: 'alive' },
  ];
  for (const frame of frames) expect(decodeFindFrame(encodeFindFrame(frame))).toEqual(frame);
});

test('a limit out of range, a wrong envelope type and unknown words are refused', () => {
  for (const request of [
    { limit: 0 },
    { limit: 65 },
    {},
    { limit: 1, tier: 'The best' },
    { limit: 1, features: ['No Word'] },
    { limit: 1, kind: 'No Word' },
    { limit: 1, name: 'n'.repeat(129) },
  ]) {
    expect(() => decodeFindRequest(encodeCbor(request))).toThrow(badFrame);
  }
  for (const frame of [{ t: 'offer', offer: receiptEnvelopeFixture }, { t: 'gone', peer: 'me' }, { t: 'Bye' }]) {
    expect(() => decodeFindFrame(encodeCbor(frame))).toThrow(badFrame);
  }
  expect(decodeFindFrame(encodeCbor({ t: 'bye' }))).toEqual({ t: 'unknown', word: 'bye' });
});

test('a sample too large for one frame is split into several that each fit, in order and complete', () => {
  const large = Array.from({ length: limits.findLimitMax }, (_, i): Envelope =>
    signEnvelope('offer', { i, fill: new Uint8Array(12_000 + i) }, workerFixture),
  );
  const frames = encodeSample(large);
  expect(frames.length).toBeGreaterThan(2);
  for (const frame of frames) expect(frame.length).toBeLessThanOrEqual(limits.frameBytesMax);
  const joined = frames.flatMap((frame) => {
    const decoded = decodeFindFrame(frame);
    return decoded.t === 'sample' ? decoded.offers : [];
  });
  expect(joined).toEqual(large);
});

test('labels travel beside the offers they belong to, and not where there is none', () => {
  const large = Array.from({ length: 30 }, (_, i): Envelope =>
    signEnvelope('offer', { i, fill: new Uint8Array(12_000) }, workerFixture),
  );
  const zones = large.map((_, i) => (i % 3 === 0 ? '' : `zone ${i}`));
  const frames = encodeSample(large, zones).map(decodeFindFrame);
  expect(frames.length).toBeGreaterThan(1);
  expect(frames.flatMap((frame) => (frame.t === 'sample' ? frame.zones : []))).toEqual(zones);
  expect(encodeSample([large[0]!], ['']).map(decodeFindFrame)).toEqual([{ t: 'sample', offers: [large[0]] }]);
  const tooLong = { t: 'offer', offer: offerEnvelopeFixture, zone: 'z'.repeat(33) };
  expect(() => decodeFindFrame(encodeCbor(tooLong))).toThrow(badFrame);
});

test('an empty sample is one frame, and offers beyond the limit are dropped', () => {
  expect(encodeSample([]).map(decodeFindFrame)).toEqual([{ t: 'sample', offers: [] }]);
  const [only] = encodeSample(Array<Envelope>(limits.findLimitMax + 1).fill(offerEnvelopeFixture)).map(decodeFindFrame);
  expect(only?.t === 'sample' && only.offers.length).toBe(limits.findLimitMax);
});
