import { expect, test } from 'vitest';
import { createSigner, signEnvelope } from './envelope.ts';
import { limits } from './limits.ts';
import { receiptEnvelopeFixture, workerFixture } from './protocol.fixture.ts';
import { decodeTallyFrame, encodeTallyFrame, readTally, signTally, type Tally } from './tally.ts';

const peerOf = (n: number) => createSigner(Uint8Array.of(n >> 8, n, ...new Uint8Array(30))).peer;
const tally: Tally = {
  peer: workerFixture.peer,
  seq: 1,
  issuedAt: 1_700_000_000_000,
  ttlMs: limits.tallyTtlMs,
  received: [{ peer: peerOf(1), work: 5 }],
};
const badOfSomeKind = expect.objectContaining({ code: expect.stringMatching(/^bad-(record|signature)$/) });
const throws = (code: string) => expect.objectContaining({ code });

test('a tally is read as it was signed', () => {
  expect(readTally(signTally(tally, workerFixture))).toEqual(tally);
});

test('the largest tally fits its envelope and its frame', () => {
  const received = Array.from({ length: limits.tallyEntriesMax }, (_, n) => ({
    peer: peerOf(n),
    work: Number.MAX_SAFE_INTEGER,
  }));
  const most = Number.MAX_SAFE_INTEGER;
  const largest = { ...tally, seq: most, issuedAt: most, ttlMs: limits.tallyTtlMsMax, received };
  const body = encodeTallyFrame({ t: 'tally', envelope: signTally(largest, workerFixture) });
  expect(decodeTallyFrame(body)).toMatchObject({ t: 'tally' });
});

test('neither signed nor read: in another’s name, a peer twice, too many, no work', () => {
  const entry = tally.received[0]!;
  const wrong: readonly Tally[] = [
    { ...tally, peer: peerOf(9) },
    { ...tally, received: [entry, entry] },
    {
      ...tally,
      received: Array.from({ length: limits.tallyEntriesMax + 1 }, (_, n) => ({ peer: peerOf(n), work: 1 })),
    },
    { ...tally, received: [{ ...entry, work: 0 }] },
    { ...tally, received: [{ ...entry, work: 1.5 }] },
    { ...tally, ttlMs: limits.tallyTtlMsMax + 1 },
  ];
  for (const one of wrong) {
    expect(() => signTally(one, workerFixture)).toThrow(throws('bad-record'));
    expect(() => readTally(signEnvelope('tally', one, workerFixture))).toThrow(badOfSomeKind);
  }
});

test('another record, or a forged one, is no tally', () => {
  const envelope = signTally(tally, workerFixture);
  expect(() => readTally({ ...envelope, sig: new Uint8Array(64) })).toThrow(throws('bad-signature'));
  expect(() => readTally({ ...receiptEnvelopeFixture, type: 'tally' })).toThrow(throws('bad-signature'));
});

test('frames are refused where they do not fit: half a link, a fork of two kinds, a receipt as a tally', () => {
  const envelope = receiptEnvelopeFixture;
  const countersign = { ...envelope, type: 'countersign' as const };
  const wrong: readonly unknown[] = [
    { t: 'have', forked: [], links: new Uint8Array(23) },
    { t: 'have', forked: [], links: new Uint8Array((limits.tallyLinksMax + 1) * 24) },
    {
      t: 'have',
      forked: Array.from({ length: limits.tallyForkedMax + 1 }, (_, n) => peerOf(n)),
      links: new Uint8Array(),
    },
    { t: 'fork', fork: { side: 'worker', left: envelope, right: countersign } },
    { t: 'tally', envelope },
    { t: 'link', envelope: { ...envelope, type: 'offer' } },
  ];
  for (const frame of wrong) {
    expect(() => encodeTallyFrame(frame as Parameters<typeof encodeTallyFrame>[0])).toThrow(throws('bad-frame'));
  }
});
