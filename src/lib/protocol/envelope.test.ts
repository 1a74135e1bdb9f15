import { expect, test } from 'vitest';
import { z } from 'zod';
import { fromHex, toHex } from '#lib/base/bytes.ts';
import {
  createSigner,
  decodeEnvelope,
  encodeEnvelope,
  envelopeOf,
  openEnvelope,
  recordOf,
  signChecked,
  signEnvelope,
  type Envelope,
} from './envelope.ts';
import { limits } from './limits.ts';

const signer = createSigner(new Uint8Array(32).fill(7));
const schema = z.object({ n: z.number() });
const good = signEnvelope('receipt', { n: 1 }, signer);
const open = (envelope: Envelope) => openEnvelope('receipt', schema, envelope);
const badSignature = expect.objectContaining({ code: 'bad-signature' });
const badRecord = expect.objectContaining({ code: 'bad-record' });
const flipped = (bytes: Uint8Array, at: number) => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));

test('an envelope opens to its record and signer, also after encoding and decoding', () => {
  expect(open(good)).toEqual({ record: { n: 1 }, peer: signer.peer });
  expect(open(decodeEnvelope(encodeEnvelope(good)))).toEqual({ record: { n: 1 }, peer: signer.peer });
});

test('any change to payload, key or signature is rejected', () => {
  for (let at = 0; at < good.payload.length; at++) {
    expect(() => open({ ...good, payload: flipped(good.payload, at) })).toThrow(badSignature);
  }
  for (const at of [0, 31, 32, 63]) expect(() => open({ ...good, sig: flipped(good.sig, at) })).toThrow(badSignature);
  for (const at of [0, 31]) expect(() => open({ ...good, key: flipped(good.key, at) })).toThrow(badSignature);
});

test('what was signed here opens to the very record, and only the object itself does', () => {
  const record = { n: 1 };
  const own = signChecked('receipt', schema, record, signer);
  expect(open(own).record).toBe(record);
  expect(encodeEnvelope(own)).toEqual(encodeEnvelope(good));
  expect(Object.isFrozen(own)).toBe(true);
  const copy = decodeEnvelope(encodeEnvelope(own));
  expect(open(copy)).toEqual({ record, peer: signer.peer });
  expect(open(copy).record).not.toBe(record);
  expect(() => open({ ...own, sig: flipped(own.sig, 0) })).toThrow(badSignature);
});

test('a record is read without its signature, as it was signed here or from the bytes', () => {
  const record = { n: 1 };
  const own = signChecked('receipt', schema, record, signer);
  expect(recordOf(schema, own)).toBe(record);
  expect(recordOf(schema, { ...own, sig: new Uint8Array(64) })).toEqual(record);
  expect(() => recordOf(z.object({ n: z.string() }), own)).toThrow(badRecord);
});

test('what was signed here under another schema, or as another type, is checked like any other', () => {
  const own = signChecked('receipt', schema, { n: 1 }, signer);
  expect(() => openEnvelope('receipt', z.object({ n: z.string() }), own)).toThrow(badRecord);
  expect(() => openEnvelope('offer', schema, own)).toThrow(badSignature);
});

test('a record of one type cannot be passed off as another', () => {
  const offer = signEnvelope('offer', { n: 1 }, signer);
  expect(() => open(offer)).toThrow(badSignature);
  expect(() => open({ ...offer, type: 'receipt' })).toThrow(badSignature);
});

test('a key of small order and a signature with a large S are refused', () => {
  const identity = new Uint8Array(32);
  identity[0] = 1;
  // R = identity, S = 0 verifies under the identity key for every message where only the equation is checked.
  const sig = new Uint8Array(64);
  sig[0] = 1;
  expect(() => open({ ...good, key: identity, sig })).toThrow(badSignature);
  const order = BigInt('0x1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed');
  let s = order + BigInt(`0x${toHex(good.sig.slice(32).toReversed())}`);
  const raised = Uint8Array.from({ length: 32 }, () => {
    const byte = Number(s & 255n);
    s >>= 8n;
    return byte;
  });
  expect(() => open({ ...good, sig: Uint8Array.of(...good.sig.slice(0, 32), ...raised) })).toThrow(badSignature);
});

test('a signed record that does not match its schema, or is not canonical, is `bad-record`', () => {
  expect(() => open(signEnvelope('receipt', { n: 'x' }, signer))).toThrow(badRecord);
  const payload = fromHex('a1616e1801');
  const text = new TextEncoder().encode('tabloom/receipt/2\n');
  const sig = signer.sign(Uint8Array.of(...text, ...payload));
  expect(() => open({ type: 'receipt', payload, key: signer.publicKey, sig })).toThrow(badRecord);
});

test('key and signature sizes are exact, and the payload is bounded', () => {
  const decode = (over: Partial<Envelope>) => decodeEnvelope(encodeEnvelope({ ...good, ...over }));
  expect(() => decode({ key: new Uint8Array(31) })).toThrow(badRecord);
  expect(() => decode({ sig: new Uint8Array(65) })).toThrow(badRecord);
  expect(() => decode({ payload: new Uint8Array(limits.gossipBytesMax + 1) })).toThrow(badRecord);
  expect(decode({ payload: new Uint8Array(limits.gossipBytesMax) }).payload).toHaveLength(limits.gossipBytesMax);
  expect(() => decodeEnvelope(fromHex('a0'))).toThrow(badRecord);
});

test('`envelopeOf` accepts only its own type', () => {
  expect(envelopeOf('receipt').safeParse(good).success).toBe(true);
  expect(envelopeOf('offer').safeParse(good).success).toBe(false);
  expect(envelopeOf('receipt', good.payload.length - 1).safeParse(good).success).toBe(false);
});

test('a signer does not expose its seed', () => {
  expect(Object.keys(signer).sort()).toEqual(['peer', 'publicKey', 'sign']);
});
