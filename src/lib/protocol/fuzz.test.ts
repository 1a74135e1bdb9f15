import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { errorCode } from '#lib/base/errors.ts';
import { decodeEnvelope, encodeEnvelope, openEnvelope } from './envelope.ts';
import { decodeCloseFrame, decodeCloseRequest, encodeCloseFrame, encodeCloseRequest } from './closing.ts';
import { decodeFindFrame, decodeFindRequest, encodeFindFrame, encodeFindRequest } from './find.ts';
import { decodeAskerFrame, decodeWorkerFrame, encodeAskerFrame, encodeWorkerFrame } from './frame.ts';
import { offerSchema, readOffer, writeOffer } from './offer.ts';
import {
  countersignEnvelopeFixture,
  jobFixture,
  offerEnvelopeFixture,
  offerFixture,
  paidJobFixture,
  payoutFixture,
  receiptEnvelopeFixture,
  receiptPaymentFixture,
  workerFixture,
} from './protocol.fixture.ts';
import { decodeVoucher, encodeVoucher } from './payment.ts';
import { receiptSchema } from './receipt.ts';
import { decodeTallyFrame, encodeTallyFrame } from './tally.ts';

const voucherFixture = encodeVoucher({
  channelId: receiptPaymentFixture.channel,
  cumulativeAmount: 27n,
  signature: `0x${'8b'.repeat(65)}`,
});

/** A decoder of untrusted bytes, the codes it may throw, and valid bytes to mutate. */
const decoders = {
  'asker frame': [decodeAskerFrame, encodeAskerFrame({ t: 'open', job: jobFixture })],
  'paid job': [decodeAskerFrame, encodeAskerFrame({ t: 'open', job: paidJobFixture })],
  payment: [decodeAskerFrame, encodeAskerFrame({ t: 'pay', voucher: voucherFixture, total: '27' })],
  voucher: [decodeVoucher, voucherFixture],
  charge: [decodeWorkerFrame, encodeWorkerFrame({ t: 'accepted', position: 0, etaMs: 0, tokensIn: 21, due: '3' })],
  'paid offer': [readOffer, writeOffer({ ...offerFixture, payout: payoutFixture }, workerFixture)],
  countersign: [decodeAskerFrame, encodeAskerFrame({ t: 'countersign', envelope: countersignEnvelopeFixture })],
  'worker frame': [
    decodeWorkerFrame,
    encodeWorkerFrame({
      t: 'finish',
      reason: 'stop',
      usage: { tokensIn: 1, tokensOut: 2 },
      receipt: receiptEnvelopeFixture,
    }),
  ],
  part: [
    decodeWorkerFrame,
    encodeWorkerFrame({ t: 'part', part: { type: 'text-delta', text: 'Hi', tokens: 2, ids: [1, 70_000] } }),
  ],
  'find request': [decodeFindRequest, encodeFindRequest({ limit: 16, artefact: jobFixture.artefact })],
  'find frame': [decodeFindFrame, encodeFindFrame({ t: 'sample', offers: [offerEnvelopeFixture] })],
  'close request': [
    decodeCloseRequest,
    encodeCloseRequest({ chain: 1, terms: paidJobFixture.payment!.terms, signature: `0x${'1b'.repeat(65)}` }),
  ],
  'close frame': [
    decodeCloseFrame,
    encodeCloseFrame({ t: 'agreed', finalAmount: '12', signature: `0x${'1b'.repeat(65)}` }),
  ],
  'tally frame': [
    decodeTallyFrame,
    encodeTallyFrame({
      t: 'fork',
      fork: { side: 'worker', left: receiptEnvelopeFixture, right: receiptEnvelopeFixture },
    }),
  ],
  offer: [readOffer, writeOffer(offerFixture, workerFixture)],
  envelope: [decodeEnvelope, encodeEnvelope(receiptEnvelopeFixture)],
  'signed receipt': [
    (bytes: Uint8Array) => openEnvelope('receipt', receiptSchema, decodeEnvelope(bytes)),
    encodeEnvelope(receiptEnvelopeFixture),
  ],
} as const satisfies Record<string, readonly [(bytes: Uint8Array) => unknown, Uint8Array]>;

const allowed = ['bad-frame', 'bad-record', 'bad-signature', 'frame-too-large', 'version'];

/** Truncates, repeats, overwrites and splices: damage that preserves most of the structure. */
const damaged = (valid: Uint8Array): fc.Arbitrary<Uint8Array> =>
  fc
    .array(
      fc.record({
        kind: fc.constantFrom('set', 'cut', 'insert', 'repeat'),
        at: fc.nat(valid.length - 1),
        byte: fc.oneof(
          fc.nat(255),
          fc.constantFrom(0x9b, 0xbb, 0x5b, 0x7b, 0x9f, 0xbf, 0xc0, 0xf7, 0xfb, 0x1b, 0x81, 0xa1),
        ),
        length: fc.nat(24),
      }),
      { minLength: 1, maxLength: 4 },
    )
    .map((changes) =>
      changes.reduce<number[]>(
        (bytes, { kind, at, byte, length }) => {
          const [head, tail] = [bytes.slice(0, at), bytes.slice(at)];
          if (kind === 'set') return [...head, byte, ...tail.slice(1)];
          if (kind === 'cut') return [...head, ...tail.slice(length)];
          if (kind === 'insert') return [...head, byte, ...tail];
          return [...head, ...tail.slice(0, length), ...tail];
        },
        [...valid],
      ),
    )
    .map((bytes) => Uint8Array.from(bytes));

/** The code thrown, or undefined if decoding succeeded. */
function codeOf(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): string | undefined {
  try {
    decode(bytes);
    return undefined;
  } catch (error) {
    return errorCode(error);
  }
}

for (const [name, [decode, valid]] of Object.entries(decoders)) {
  test(`${name}: random and damaged bytes are decoded, or refused with a code`, () => {
    expect(codeOf(decode, valid)).toBeUndefined();
    let refused = 0;
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), damaged(valid)), (bytes) => {
        const code = codeOf(decode, bytes);
        if (code === undefined) return;
        refused += 1;
        expect(allowed).toContain(code);
      }),
      { seed: 4, numRuns: 400 },
    );
    expect(refused).toBeGreaterThan(200);
  });

  test(`${name}: truncated anywhere, it is refused`, () => {
    for (let length = 0; length < valid.length; length++) {
      expect(allowed).toContain(codeOf(decode, valid.subarray(0, length)));
    }
  });
}

test('damaging a signed offer never yields a different valid offer', () => {
  const valid = writeOffer(offerFixture, workerFixture);
  fc.assert(
    fc.property(damaged(valid), (bytes) => {
      try {
        expect(offerSchema.parse(readOffer(bytes).offer)).toEqual(offerFixture);
      } catch (error) {
        expect(allowed).toContain(errorCode(error));
      }
    }),
    { seed: 5, numRuns: 400 },
  );
});
