import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { fromHex, toHex } from '#lib/base/bytes.ts';
import { readCbor } from '#lib/protocol/cbor-read.ts';
import { checkpointSchema } from '#lib/protocol/checkpoint.ts';
import { decodeEnvelope, encodeEnvelope, openEnvelope } from '#lib/protocol/envelope.ts';
import {
  accusationSchema,
  appealSchema,
  releaseSchema,
  revealSchema,
  unsealingSchema,
  voteCommitmentSchema,
} from '#lib/protocol/audit.ts';
import { auditProtocol, decodeAuditFrame, decodeAuditRequest } from '#lib/protocol/audit-frame.ts';
import { closeProtocol, decodeCloseFrame, decodeCloseRequest } from '#lib/protocol/closing.ts';
import { decodeFindFrame, decodeFindRequest, findProtocol } from '#lib/protocol/find.ts';
import { decodeAskerFrame, decodeWorkerFrame, jobProtocol } from '#lib/protocol/frame.ts';
import { keyFromPeerId } from '#lib/protocol/ids.ts';
import { isPublicRelay } from '#lib/protocol/relay-info.ts';
import { offerSchema, readOffer } from '#lib/protocol/offer.ts';
import { epochSchema } from '#lib/protocol/epoch.ts';
import { createFrameDecoder } from '#lib/net/framing.ts';
import { countersignSchema, receiptSchema } from '#lib/protocol/receipt.ts';
import { decodeTallyFrame, tallyProtocol, tallySchema, type TallyFrame } from '#lib/protocol/tally.ts';
import { wishSchema } from '#lib/protocol/wish.ts';
import { isPrintableName } from '#lib/protocol/word.ts';
import { provesFork } from '#lib/trust/chain.ts';
import { verifyStored } from '#lib/trust/check.ts';
import { buildVectors, toJson } from './build.ts';

const read = (name: string) => JSON.parse(readFileSync(new URL(`${name}.json`, import.meta.url), 'utf8'));

test.each(Object.entries(buildVectors()))(
  '%s: what is written today is what was written on the first day',
  (name, built) => {
    expect(JSON.parse(JSON.stringify(built))).toEqual(read(name));
  },
);

const decoders: Record<string, (body: Uint8Array) => unknown> = {
  [`${jobProtocol} asker`]: decodeAskerFrame,
  [`${jobProtocol} worker`]: decodeWorkerFrame,
  [`${findProtocol} asker`]: decodeFindRequest,
  [`${findProtocol} relay`]: decodeFindFrame,
  [`${tallyProtocol} peer`]: decodeTallyFrame,
  [`${closeProtocol} asker`]: decodeCloseRequest,
  [`${closeProtocol} worker`]: decodeCloseFrame,
  [`${auditProtocol} asker`]: decodeAuditRequest,
  [`${auditProtocol} answerer`]: decodeAuditFrame,
};

test('every frame in the files decodes to its value', () => {
  const rows = read('frames');
  expect(rows.length).toBeGreaterThan(19);
  for (const { protocol, sender, value, body } of rows) {
    expect(toJson(decoders[`${protocol} ${sender}`]!(fromHex(body)))).toEqual(value);
  }
});

test('what a newer peer sends is skipped, refused with `version`, or read without what is not known', () => {
  const { frames, offer } = read('words');
  for (const { name, protocol, sender, body, reading, value } of frames) {
    const decode = () => decoders[`${protocol} ${sender}`]!(fromHex(body));
    if (reading === 'version') expect(decode, name).toThrow(expect.objectContaining({ code: 'version' }));
    else
      expect(toJson(decode()), name).toEqual(reading === 'skip' ? { t: 'unknown', word: expect.any(String) } : value);
  }
  expect(toJson(readOffer(fromHex(offer.envelope)).offer)).toEqual(offer.read);
});

test('relays that another relay names are accepted and refused alike', () => {
  const { relays } = read('ids');
  for (const address of relays.accepted) expect(isPublicRelay(address), address).toBe(true);
  for (const { address, because } of relays.refused) expect(isPublicRelay(address), because).toBe(false);
});

test('names in the files are accepted and refused', () => {
  const { names } = read('ids');
  for (const name of names.accepted) expect(isPrintableName(name), JSON.stringify(name)).toBe(true);
  for (const { name, because } of names.refused) expect(isPrintableName(name), because).toBe(false);
});

test('every stream in the files splits into its messages, credit and end mark', () => {
  for (const { name, bytes, items } of read('streams')) {
    const seen: unknown[] = [];
    createFrameDecoder().push(
      fromHex(bytes),
      (message) => seen.push(message.length === 0 ? { end: true } : { message: toHex(message) }),
      (credit) => seen.push({ credit }),
    );
    expect(seen, name).toEqual(items);
  }
});

const auditSchemas = {
  release: releaseSchema,
  accusation: accusationSchema,
  commitment: voteCommitmentSchema,
  reveal: revealSchema,
  unsealing: unsealingSchema,
  appeal: appealSchema,
};

test('every envelope in the files opens to its record and signer', () => {
  const schemas = {
    offer: offerSchema,
    receipt: receiptSchema,
    checkpoint: checkpointSchema,
    countersign: countersignSchema,
    tally: tallySchema,
    wish: wishSchema,
    epoch: epochSchema,
    ...auditSchemas,
  };
  for (const row of read('envelopes')) {
    const type = row.type as keyof typeof schemas;
    const envelope = decodeEnvelope(fromHex(row.envelope));
    const { record, peer } = openEnvelope(type, schemas[type], envelope);
    // Members that an offer once had are ignored.
    const { wallet: _, bond: __, ...known } = row.record;
    expect(toJson(record)).toEqual(known);
    expect(toHex(keyFromPeerId(peer))).toBe(row.key);
    expect(toHex(encodeEnvelope(envelope))).toBe(row.envelope);
  }
});

test('the receipt and the countersign in the files match', () => {
  const rows = read('envelopes') as { name: string; envelope: string }[];
  const find = (name: string) => decodeEnvelope(fromHex(rows.find((row) => row.name === name)!.envelope));
  expect(verifyStored({ receipt: find('receipt'), countersign: find('countersign') })).toMatchObject({
    workerSignature: 'valid',
    askerSignature: 'valid',
  });
});

test('the forks in the files prove themselves', () => {
  const forks = (read('frames') as { name: string; body: string }[])
    .filter(({ name }) => name.startsWith('fork'))
    .map(({ body }) => decodeTallyFrame(fromHex(body)) as Extract<TallyFrame, { t: 'fork' }>);
  expect(forks.map(({ fork }) => [fork.side, provesFork(fork)])).toEqual([
    ['worker', true],
    ['asker', true],
  ]);
});

test('bytes marked as refused are refused', () => {
  const { accepted, refused } = read('cbor');
  for (const { value, bytes } of accepted) expect(toJson(readCbor(fromHex(bytes)))).toEqual(value);
  for (const { bytes, because } of refused) expect(() => readCbor(fromHex(bytes)), because).toThrow();
});
