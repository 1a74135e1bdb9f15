import { expect, test } from 'vitest';
import { checkpointSchema } from './checkpoint.ts';
import { decodeEnvelope, encodeEnvelope, openEnvelope, signEnvelope } from './envelope.ts';
import {
  checkpointEnvelopeFixture,
  checkpointFixture,
  receiptEnvelopeFixture,
  workerFixture,
} from './protocol.fixture.ts';

const open = (bytes: Uint8Array) => openEnvelope('checkpoint', checkpointSchema, decodeEnvelope(bytes));

test('a signed checkpoint opens to its record and its worker', () => {
  const { record, peer } = open(encodeEnvelope(checkpointEnvelopeFixture));
  expect(record).toEqual(checkpointFixture);
  expect(peer).toBe(record.worker);
  const due = signEnvelope('checkpoint', { ...checkpointFixture, due: '12', mood: 'fine' }, workerFixture);
  expect(open(encodeEnvelope(due)).record).toEqual({ ...checkpointFixture, due: '12' });
});

test('a receipt does not open as a checkpoint, nor a checkpoint as a receipt', () => {
  const badSignature = expect.objectContaining({ code: 'bad-signature' });
  expect(() => open(encodeEnvelope(receiptEnvelopeFixture))).toThrow(badSignature);
  const replayed = { ...checkpointEnvelopeFixture, type: 'receipt' as const };
  expect(() => openEnvelope('receipt', checkpointSchema, replayed)).toThrow(badSignature);
});

test('members out of range are rejected', () => {
  const fits = (over: object) => checkpointSchema.safeParse({ ...checkpointFixture, ...over }).success;
  const edges: readonly (readonly [boolean, boolean])[] = [
    [fits({ tokensOut: 0 }), fits({ tokensOut: -1 })],
    [fits({ resumedTokens: 1 }), fits({ resumedTokens: 0.5 })],
    [fits({ outputForm: 'text-parts' }), fits({ outputForm: 'words' })],
    [fits({ outputRoot: '0'.repeat(64) }), fits({ outputRoot: '0'.repeat(63) })],
    [fits({ due: '0' }), fits({ due: '-1' })],
    [fits({}), fits({ promptHash: undefined })],
  ];
  edges.forEach(([inside, outside], i) => expect([i, inside, outside]).toEqual([i, true, false]));
});
