import { toHex, utf8Encode } from '#lib/base/bytes.ts';
import { artefactId } from '#lib/protocol/artefact.ts';
import { encodeCbor } from '#lib/protocol/cbor.ts';
import { createSigner, encodeEnvelope, type Envelope } from '#lib/protocol/envelope.ts';
import { closeProtocol, encodeCloseFrame, encodeCloseRequest } from '#lib/protocol/closing.ts';
import { encodeFindFrame, encodeFindRequest, findProtocol, shardOf } from '#lib/protocol/find.ts';
import {
  encodeAskerFrame,
  encodeWorkerFrame,
  jobProtocol,
  type AskerFrame,
  type WorkerFrame,
} from '#lib/protocol/frame.ts';
import { chat } from '#lib/protocol/kinds/chat.ts';
import type { Job } from '#lib/protocol/job.ts';
import type { Part } from '#lib/protocol/part.ts';
import { encodeCredit, encodeFrame, endMark } from '#lib/net/framing.ts';
import { encodeTallyFrame, tallyProtocol } from '#lib/protocol/tally.ts';
import { linkDigest } from '#lib/trust/links.ts';
import { createOutputRoot } from '#lib/trust/output-root.ts';
import { promptHash } from '#lib/trust/prompt-hash.ts';
import { receiptHash, type Delivered } from '#lib/trust/receipt.ts';
import { auditProtocol, encodeAuditFrame, encodeAuditRequest } from '#lib/protocol/audit-frame.ts';
import { auditEnvelopes, auditFrames, auditHashes, auditRequests } from './audits.ts';
import { kindJobs, kindOutputs, kindParts } from './kinds.ts';
import * as from from './records.ts';
import { signatureVectors } from './signatures.ts';
import { names, newerOffer, wordVectors } from './words.ts';

/** Generates the contents of all vector files. Bytes are hexadecimal, and `{ "$bytes": hex }` inside values. */
export function buildVectors(): Readonly<Record<string, unknown>> {
  return {
    ids: ids(),
    cbor: cbor(),
    envelopes: envelopes(),
    signatures: signatureVectors(),
    frames: frames(),
    hashes: hashes(),
    streams: streams(),
    words: words(),
  };
}

export function toJson(value: unknown): unknown {
  if (value instanceof Uint8Array) return { $bytes: toHex(value) };
  if (Array.isArray(value)) return value.map(toJson);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([key, member]) => [key, toJson(member)]),
  );
}

function ids() {
  const peers = [from.workerSeed, from.askerSeed, new Uint8Array(32), new Uint8Array(32).fill(255)].map((seed) => {
    const { publicKey, peer } = createSigner(seed);
    return { seed: toHex(seed), publicKey: toHex(publicKey), peer };
  });
  return {
    names,
    relays: relays(peers[0]!.peer),
    peers,
    artefacts: from.manifests.map((manifest) => {
      const artefact = artefactId(manifest);
      return { manifest, artefact, topic: shardOf(artefact) };
    }),
  };
}

/** Addresses in the `relays` of a `/relay.json`. */
function relays(peer: string) {
  const refused: readonly (readonly [string, string])[] = [
    [`/dns4/relay.example/tcp/80/ws/p2p/${peer}`, 'without TLS'],
    [`/dns4/localhost/tcp/443/wss/p2p/${peer}`, 'a name without a dot'],
    [`/dns4/printer.local/tcp/443/wss/p2p/${peer}`, 'a name of the local network'],
    [`/dns6/nas.home.arpa/tcp/443/wss/p2p/${peer}`, 'a name of the local network'],
    [`/dns4/Relay.example/tcp/443/wss/p2p/${peer}`, 'a capital letter'],
    [`/dns4/relay.example/tcp/443/wss`, 'no peer id to prove'],
    [`/dns4/relay.example/tcp/443/wss/p2p/${peer}/p2p-circuit`, 'a circuit'],
    [`/dns4/192.168.1.1/tcp/443/wss/p2p/${peer}`, 'an address for a name'],
    [`/ip4/198.51.100.1/tcp/443/wss/p2p/${peer}`, 'no name'],
  ];
  return {
    accepted: [
      `/dns4/relay.example/tcp/443/wss/p2p/${peer}`,
      `/dns6/a.b-c.example/tcp/8443/wss/p2p/${peer}`,
      `/dns/xn--bcher-kva.example/tcp/443/wss/p2p/${peer}`,
    ],
    refused: refused.map(([address, because]) => ({ address, because })),
  };
}

function cbor() {
  const values: readonly unknown[] = [
    [0, 23, 24, 255, 256, 65_535, 65_536, 4_294_967_295, 4_294_967_296, Number.MAX_SAFE_INTEGER],
    [-1, -24, -25, -256, -257, Number.MIN_SAFE_INTEGER],
    [0.5, -0.1, 1e300, 5e-324, 2 ** 53],
    [true, false, null, '', 'a', 'ü', '🦊', '\ufeff', 'x'.repeat(24), Uint8Array.of(), Uint8Array.of(0, 255)],
    [[], [1, [2, []]], {}, { b: 1, a: 2, aa: 0, Z: [], ü: null }],
  ].flat();
  return {
    accepted: values.map((value) => ({ value: toJson(value), bytes: toHex(encodeCbor(value)) })),
    refused: [
      { bytes: '1817', because: 'the integer 23 fits the head' },
      { bytes: '1b0020000000000000', because: '2^53 is past the largest integer' },
      { bytes: 'fb3ff0000000000000', because: 'the whole number 1 written as a float' },
      { bytes: 'fb8000000000000000', because: 'minus zero' },
      { bytes: 'f93800', because: 'a float of 16 bits' },
      { bytes: 'fb7ff8000000000000', because: 'not a number' },
      { bytes: 'f7', because: 'undefined' },
      { bytes: 'd82a4100', because: 'a tag' },
      { bytes: '9f01ff', because: 'an array of indefinite length' },
      { bytes: 'a2616201616102', because: 'keys out of order' },
      { bytes: 'a2626161016162', because: 'a longer key before a shorter one' },
      { bytes: 'a2616101616102', because: 'a key twice' },
      { bytes: 'a10102', because: 'a key that is no text' },
      { bytes: '63eda080', because: 'a surrogate in UTF-8' },
      { bytes: '0000', because: 'bytes after the value' },
      { bytes: '9b001fffffffffffff', because: 'an array longer than the input' },
      { bytes: `${'81'.repeat(17)}01`, because: 'nested 17 deep' },
    ],
  };
}

function envelopes() {
  const row = (name: string, envelope: Envelope, seed: Uint8Array, record: unknown) => ({
    name,
    type: envelope.type,
    seed: toHex(seed),
    record: toJson(record),
    payload: toHex(envelope.payload),
    signedPrefix: toHex(utf8Encode(`tabloom/${envelope.type}/2\n`)),
    key: toHex(envelope.key),
    sig: toHex(envelope.sig),
    envelope: toHex(encodeEnvelope(envelope)),
    hash: receiptHash(envelope),
  });
  const { offer, goodbye, fullOffer, claimingOffer, payingOffer, receipt, checkpoint, countersign, tally } =
    from.envelopes;
  const { pricedOffer, paidReceipt, dueCheckpoint, wish, wishTakenBack, namedOffer } = from.envelopes;
  return [
    row('offer', offer, from.workerSeed, from.offer),
    row('goodbye', goodbye, from.workerSeed, from.goodbye),
    row('offer, all of it', fullOffer, from.workerSeed, from.olderFullOffer),
    row('offer, with hardware', claimingOffer, from.workerSeed, from.claimingOffer),
    row('offer, measured and paying', payingOffer, from.workerSeed, from.payingOffer),
    row('checkpoint', checkpoint, from.workerSeed, from.checkpoint),
    row('receipt', receipt, from.workerSeed, receiptRecord(from.delivered)),
    row('countersign', countersign, from.askerSeed, {
      jobId: from.job.id,
      receipt: receiptHash(receipt),
      asker: from.asker.peer,
      prevAsker: '0'.repeat(64),
    }),
    row('tally', tally, from.askerSeed, from.tally),
    row('offer, with a price', pricedOffer, from.workerSeed, from.pricedOffer),
    row('checkpoint, with what is due', dueCheckpoint, from.workerSeed, from.dueCheckpoint),
    row('receipt, paid', paidReceipt, from.workerSeed, receiptRecord(from.paidDelivery)),
    row('wish', wish, from.askerSeed, from.wish),
    row('wish, taken back', wishTakenBack, from.askerSeed, {
      ...from.wish,
      issuedAt: from.wish.issuedAt + 1,
      artefacts: [],
    }),
    row('offer, with a nickname', namedOffer, from.workerSeed, from.namedOffer),
    ...auditEnvelopes.map(([name, envelope, seed, record]) => row(name, envelope, seed, record)),
  ];
}

function receiptRecord(delivered: Delivered) {
  const { job, output, asker, ...rest } = delivered;
  return {
    ...rest,
    jobId: job.id,
    asker,
    worker: from.worker.peer,
    artefact: job.artefact,
    model: job.model,
    kind: job.kind,
    params: job.params,
    promptHash: promptHash(job),
    resumedTokens: 0,
    outputRoot: output.outputRoot,
    outputForm: output.outputForm,
    tokensOut: output.tokens,
    tier: job.tier,
  };
}

function frames() {
  const rows = <T>(
    protocol: string,
    sender: string,
    values: Readonly<Record<string, T>>,
    encode: (t: T) => Uint8Array,
  ) =>
    Object.entries(values).map(([name, value]) => {
      const body = encode(value);
      return {
        protocol,
        sender,
        name,
        value: toJson(value),
        body: toHex(body),
        framed: toHex(encodeFrame(body)),
      };
    });
  const jobs = Object.entries(kindJobs).map(([name, job]) => [`open, ${name}`, { t: 'open', job }] as const);
  const parts = Object.entries(kindParts).map(([name, part]) => [`part, ${name}`, { t: 'part', part }] as const);
  return [
    ...rows(jobProtocol, 'asker', from.askerFrames, encodeAskerFrame),
    ...rows<AskerFrame>(jobProtocol, 'asker', Object.fromEntries(jobs), encodeAskerFrame),
    ...rows(jobProtocol, 'worker', from.workerFrames, encodeWorkerFrame),
    ...rows<WorkerFrame>(jobProtocol, 'worker', Object.fromEntries(parts), encodeWorkerFrame),
    ...rows(findProtocol, 'asker', from.findRequests, encodeFindRequest),
    ...rows(findProtocol, 'relay', from.findFrames, encodeFindFrame),
    ...rows(tallyProtocol, 'peer', from.tallyFrames, encodeTallyFrame),
    ...rows(closeProtocol, 'asker', from.closeRequests, encodeCloseRequest),
    ...rows(closeProtocol, 'worker', from.closeFrames, encodeCloseFrame),
    ...rows(auditProtocol, 'asker', auditRequests, encodeAuditRequest),
    ...rows(auditProtocol, 'answerer', auditFrames, encodeAuditFrame),
  ];
}

function words() {
  const { signed, read } = newerOffer;
  return {
    frames: wordVectors().map(toJson),
    offer: { envelope: toHex(encodeEnvelope(signed)), read: toJson(read) },
  };
}

function streams() {
  const message = (length: number) => {
    const body = new Uint8Array(length).fill(42);
    return { item: { message: toHex(body) }, bytes: encodeFrame(body) };
  };
  const credit = (n: number) => ({ item: { credit: n }, bytes: encodeCredit(n) });
  const end = { item: { end: true }, bytes: endMark };
  const rows = {
    'two messages and the end': [message(1), message(127), end],
    'lengths of two bytes': [message(128), message(300), end],
    'credit between messages and after the end': [credit(131_072), message(2), credit(1), end, credit(300)],
    'an end alone': [end],
  };
  return Object.entries(rows).map(([name, parts]) => ({
    name,
    bytes: parts.map(({ bytes }) => toHex(bytes)).join(''),
    items: parts.map(({ item }) => item),
  }));
}

function hashes() {
  const outputs: readonly (readonly Part[])[] = [
    [],
    from.parts,
    from.parts.map((part) =>
      part.type === 'text-delta' ? { type: part.type, text: part.text, tokens: part.tokens } : part,
    ),
    ...[64, 65, 128, 200, 448].map((length): readonly Part[] => [
      { type: 'text-delta', text: 'abcdefghij'.repeat(45).slice(0, length), tokens: 0 },
    ]),
    [{ type: 'text-delta', text: 'x', tokens: 40, ids: Array.from({ length: 40 }, (_, i) => i * 1_000) }],
  ];
  return {
    prompts: [from.job, from.resumedJob, ...Object.values(kindJobs)].map(({ salt, kind, input }) => ({
      salt,
      kind,
      input,
      promptHash: promptHash({ salt, kind, input } as Job),
    })),
    outputs: [...outputs.map((parts) => [chat.outputHash, parts] as const), ...kindOutputs].map(([channels, parts]) => {
      const root = createOutputRoot(channels);
      for (const part of parts) root.add(part);
      return { channels, parts: toJson(parts), ...root.summary() };
    }),
    audits: auditHashes,
    links: from.links.map((link) => ({ ...link, link: toHex(linkDigest(link.side, link)) })),
  };
}
