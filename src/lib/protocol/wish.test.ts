import { expect, test } from 'vitest';
import { decodeEnvelope, encodeEnvelope, isSigned, signEnvelope } from './envelope.ts';
import { askerFixture, workerFixture } from './protocol.fixture.ts';
import { decodeUnverifiedWish, wishLimits, writeWish, type Wish } from './wish.ts';

const artefact = (number: number) => number.toString(16).padStart(64, '0');
const wish: Wish = {
  peer: askerFixture.peer,
  issuedAt: 1_700_000_000_000,
  ttlMs: wishLimits.ttlMs,
  artefacts: [artefact(1), artefact(2)],
};
const signed = (record: unknown, type: 'wish' | 'offer' = 'wish') =>
  encodeEnvelope(signEnvelope(type, record, askerFixture));

test('a wish is read as it was signed, with as many models as it may name', () => {
  const full = { ...wish, artefacts: Array.from({ length: wishLimits.artefactsMax }, (_, i) => artefact(i)) };
  const bytes = writeWish(full, askerFixture);
  expect(bytes.length).toBeLessThanOrEqual(wishLimits.bytesMax);
  const { wish: read, envelope } = decodeUnverifiedWish(bytes);
  expect(read).toEqual(full);
  expect(isSigned(envelope)).toBe(true);
});

test('nobody signs what others would refuse, or in the name of another', () => {
  expect(() => writeWish(wish, workerFixture)).toThrow(expect.objectContaining({ code: 'bad-record' }));
  expect(() => writeWish({ ...wish, ttlMs: wishLimits.ttlMsMax + 1 }, askerFixture)).toThrow(
    expect.objectContaining({ code: 'bad-record' }),
  );
});

test.each([
  ['more models than it may name', { ...wish, artefacts: Array.from({ length: 17 }, (_, i) => artefact(i)) }],
  ['a model twice', { ...wish, artefacts: [artefact(1), artefact(1)] }],
  ['a name in place of an artefact', { ...wish, artefacts: ['llama'] }],
  ['a life of a day', { ...wish, ttlMs: 86_400_000 }],
  ['no life', { ...wish, ttlMs: 0 }],
  ['no date', { ...wish, issuedAt: -1 }],
  ['no models', { peer: wish.peer, issuedAt: wish.issuedAt, ttlMs: wish.ttlMs }],
])('%s is refused', (_, record) => {
  expect(() => decodeUnverifiedWish(signed(record))).toThrow(expect.objectContaining({ code: 'bad-record' }));
});

test('another peer’s name, another type and too many bytes are refused', () => {
  const other = { ...wish, peer: workerFixture.peer };
  expect(() => decodeUnverifiedWish(signed(other))).toThrow(expect.objectContaining({ code: 'bad-signature' }));
  expect(() => decodeUnverifiedWish(signed(wish, 'offer'))).toThrow(expect.objectContaining({ code: 'bad-signature' }));
  const large = signed({ ...wish, note: 'x'.repeat(wishLimits.bytesMax) });
  expect(() => decodeUnverifiedWish(large)).toThrow(expect.objectContaining({ code: 'frame-too-large' }));
});

test('a signature of another record is seen by whoever verifies it', () => {
  const envelope = decodeEnvelope(writeWish(wish, askerFixture));
  const changed = decodeEnvelope(writeWish({ ...wish, artefacts: [] }, askerFixture));
  const bytes = encodeEnvelope({ ...changed, sig: envelope.sig });
  expect(isSigned(decodeUnverifiedWish(bytes).envelope)).toBe(false);
});
