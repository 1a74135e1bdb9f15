import { read, type Value } from './second-reader.ts';
import {
  Refused,
  above,
  bad,
  boolean,
  byType,
  bytes,
  count,
  either,
  integer,
  isRow,
  like,
  list,
  number,
  oneOf,
  record,
  strict,
  text,
  unknown,
  utf8,
  type Check,
  type Members,
  type Row,
} from './second-types.ts';

/** The tables of `src/lib/protocol/README.md`, implemented from the page alone: what is read, skipped and refused. */
const word = like(/^[a-z][a-z0-9-]{0,63}$/);
const hash = like(/^[0-9a-f]{64}$/);
const hex32 = like(/^[0-9a-f]{32}$/);
const peer = like(/^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/);
const money = like(/^(0|[1-9][0-9]{0,29})$/);
const mime = like(/^(?=.{1,128}$)[a-z0-9.+-]+\/[a-z0-9.+-]+$/);
const functionName = like(/^[A-Za-z0-9_-]{1,64}$/);
const id = integer(0, 2 ** 32 - 1);
const must = list(word, 16);
const duration = integer(0, 1e9);
const failure = { code: word, message: text(1_024) };
const name: Check = (value) => (typeof value === 'string' && isName(value) ? value : bad());
const json: Check = (value) => {
  JSON.parse(String(utf8(65_536)(value)));
  return value!;
};

export function isName(value: string): boolean {
  const plain = value.replace(/\p{Extended_Pictographic}\uFE0F/gu, '');
  return (
    value.length > 0 &&
    value.length <= 128 &&
    value.isWellFormed() &&
    value === value.normalize('NFC') &&
    !/^ | $/.test(value) &&
    !/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{DI}\u2800]/u.test(plain) &&
    !/(?! )\p{Zs}/u.test(value)
  );
}

const envelope = (type: string) =>
  record({
    type: (value) => (value === type ? value : bad()),
    payload: bytes(16_384),
    key: bytes(32, 32),
    sig: bytes(64, 64),
  });

const prompt = utf8(196_608);
const file = { mime, sha256: hash, sizeBytes: integer(1, 33_554_432) };
const isText = (value: Value | undefined) => typeof value === 'string';
const message = strict({
  role: oneOf('system', 'user', 'assistant', 'tool'),
  content: either(isText, prompt, list(byType({ text: { text: prompt }, blob: file }), 16)),
  'name?': text(128),
  'toolCalls?': list(strict({ id: text(64, 1), name: functionName, arguments: prompt }), 128, 1),
  'toolCallId?': text(64, 1),
});
const generation = strict({
  maxTokens: integer(1, 32_768),
  'temperature?': number(0, 2),
  'topP?': above(0, 1),
  'topK?': integer(1, 1_000_000),
  'minP?': number(0, 1),
  'repetitionPenalty?': above(0, 2),
  'frequencyPenalty?': number(-2, 2),
  'presencePenalty?': number(-2, 2),
  'seed?': id,
  'stop?': list(utf8(256, 1), 4),
  'logitBias?': list(
    (pair) => (Array.isArray(pair) && pair.length === 2 ? [id(pair[0]), number(-100, 100)(pair[1])] : bad()),
    300,
  ),
  'logprobs?': integer(0, 20),
  'responseFormat?': byType({ text: {}, 'json-object': {}, 'json-schema': { 'name?': name, schema: json } }),
  'toolChoice?': byType({ auto: {}, none: {}, required: {}, named: { name: functionName } }),
  'parallelToolCalls?': boolean,
  'reasoningEffort?': word,
});
const tool = strict({ name: functionName, 'description?': utf8(65_536), 'parameters?': json });
const pixels = integer(64, 4_096);

const kinds: Readonly<Record<string, readonly [input: Check, params: Check]>> = {
  chat: [strict({ messages: list(message, 512, 1), 'tools?': list(tool, 128, 1) }), generation],
  completion: [strict({ prompt }), generation],
  embedding: [strict({ texts: list(utf8(196_608, 1), 256, 1) }), strict({ 'dimensions?': integer(1, 8_192) })],
  speech: [
    strict({ text: utf8(196_608, 1) }),
    strict({ 'voice?': text(128), 'format?': word, 'speed?': number(0.25, 4) }),
  ],
  transcription: [
    strict({ audio: strict(file), 'prompt?': utf8(1_024) }),
    strict({ 'language?': text(35), 'temperature?': number(0, 1) }),
  ],
  image: [
    strict({ prompt: utf8(196_608, 1), 'images?': list(strict(file), 4) }),
    strict({ width: pixels, height: pixels, 'count?': integer(1, 4), 'seed?': id }),
  ],
};

const address = like(/^0x[0-9a-f]{40}$/);
const seconds = integer(0, 2 ** 48 - 1);
const chain = integer(1, Number.MAX_SAFE_INTEGER);
const price = record({ in: money, out: money });
const terms = record({
  payer: address,
  payerSigner: address,
  provider: address,
  providerSigner: address,
  token: address,
  delay: seconds,
  deadline: seconds,
  salt: like(/^0x[0-9a-f]{64}$/),
});

const jobHead = record({
  id: hex32,
  artefact: hash,
  model: name,
  tier: word,
  deadlineMs: integer(1, 1_800_000),
  salt: hex32,
  'resume?': record({ text: prompt, 'ids?': list(id, 32_768), tokens: integer(0, 32_768) }),
  'must?': must,
  'budget?': money,
  'payment?': record({ chain, terms, price }),
});

const job: Check = (value) => {
  const { kind, must: words } = record({ kind: word, 'must?': must })(value) as Row;
  if ((words as Value[] | undefined)?.length) return unknown();
  const [input, params] = kinds[String(kind)] ?? unknown();
  return { ...(jobHead(value) as Row), ...(record({ kind: word, input, params })(value) as Row) };
};

const tokens = integer(0, 4_096);
const ids = list(id, 4_096);
const delta = { text: utf8(65_536), tokens, 'ids?': ids };
const likely = { token: utf8(256), 'bytes?': bytes(256), logprob: number(-1e9, 0) };
const floats: Check = (value) => (Buffer.isBuffer(value) && value.length % 4 === 0 ? bytes(32_768, 4)(value) : bad());
const partTypes: Readonly<Record<string, Members>> = {
  'text-delta': delta,
  'reasoning-delta': delta,
  'tool-call-delta': {
    index: integer(0, 127),
    'id?': text(64, 1),
    'name?': functionName,
    arguments: utf8(65_536),
    tokens,
    'ids?': ids,
  },
  logprobs: { items: list(record({ ...likely, top: list(record(likely), 20) }), 256, 1) },
  embedding: { index: integer(0, 255), vector: floats },
  'data-delta': { index: integer(0, 3), mime, bytes: bytes(65_536, 1) },
  warning: failure,
};

const signature = like(/^0x[0-9a-f]{130}$/);

/** Frames by sender; requests have no type. */
const frames: Readonly<Record<string, Readonly<Record<string, Members>>>> = {
  '/tabloom/job/2 asker': {
    open: { job },
    blob: { sha256: hash, bytes: bytes(65_536, 1) },
    cancel: { jobId: hex32 },
    countersign: { envelope: envelope('countersign') },
    pay: { voucher: bytes(8_192), 'total?': money },
  },
  '/tabloom/job/2 worker': {
    accepted: {
      position: integer(0, 1_024),
      etaMs: duration,
      'tokensIn?': count,
      'due?': money,
      'paid?': money,
    },
    refused: { ...failure, 'retryAfterMs?': duration },
    part: {
      part: (value) => (isRow(value) ? record({ type: word, ...partTypes[String(value['type'])] })(value) : bad()),
    },
    checkpoint: { envelope: envelope('checkpoint') },
    alive: { 'phase?': word, 'etaMs?': duration },
    finish: { reason: word, usage: record({ tokensIn: count, tokensOut: count }), receipt: envelope('receipt') },
    error: { ...failure, 'retryAfterMs?': duration },
  },
  '/tabloom/find/2 relay': {
    hello: { peer, build: text(64), network: word, peers: count, 'time?': count },
    network: { network: word },
    sample: { offers: list(envelope('offer'), 64), 'zones?': list(text(32), 64) },
    offer: { offer: envelope('offer'), 'zone?': text(32) },
    gone: { peer },
    alive: {},
  },
  '/tabloom/audit/2 asker': {
    'open-leaves': { epoch: hash, indices: list(integer(0, 16_383), 64), receipts: list(hash, 64) },
    show: { audit: hash },
  },
  '/tabloom/audit/2 answerer': {
    leaf: { index: integer(0, 16_383), receipt: envelope('receipt'), path: list(hash, 14) },
    absent: { receipt: hash },
    released: {
      release: envelope('release'),
      job,
      parts: list((value) => {
        const members = isRow(value) ? partTypes[String(value['type'])] : undefined;
        return members ? record({ type: word, ...members })(value) : bad();
      }, 4_096),
    },
    refused: failure,
  },
  '/tabloom/close/2 worker': {
    agreed: { finalAmount: money, signature, 'voucher?': signature },
    refused: failure,
  },
  '/tabloom/tally/2 peer': {
    have: {
      forked: list(peer, 64),
      links: (value) => (Buffer.isBuffer(value) && value.length % 24 === 0 ? bytes(6_144)(value) : bad()),
    },
    tally: { envelope: envelope('tally') },
    link: {
      envelope: (value) => envelope(isRow(value) && value['type'] === 'receipt' ? 'receipt' : 'countersign')(value),
    },
    fork: {
      fork: (value) => {
        const side = isRow(value) ? value['side'] : undefined;
        const type = side === 'worker' ? 'receipt' : side === 'asker' ? 'countersign' : '';
        return record({ side: word, left: envelope(type), right: envelope(type) })(value);
      },
    },
  },
};
const requests: Readonly<Record<string, (value: Value) => Value>> = {
  '/tabloom/find/2 asker': record({
    'tier?': word,
    'artefact?': hash,
    'name?': name,
    'kind?': word,
    'features?': list(word, 32),
    limit: integer(1, 64),
  }),
  '/tabloom/close/2 asker': record({ chain, terms, signature }),
};

/** The outcome for a body: read to a value, skipped, or refused. */
export function judgeFrame(protocol: string, sender: string, body: Buffer) {
  const known = frames[`${protocol} ${sender}`];
  try {
    const raw = read(body);
    if (!known) return { reading: 'read', value: requests[`${protocol} ${sender}`]!(raw) };
    const { t, must: words } = record({ t: word, 'must?': must })(raw) as Row;
    if ((words as Value[] | undefined)?.length) return unknown();
    const members = known[String(t)];
    if (!members) return { reading: 'skip' };
    const part = (raw as Row)['part'];
    if (t === 'part' && isRow(part) && !partTypes[String(word(part['type']))]) return { reading: 'skip' };
    return { reading: 'read', value: record({ t: word, ...members })(raw) };
  } catch (error) {
    return { reading: error instanceof Refused ? error.reading : 'bad' };
  }
}

const rate = number(0, 1e9);
const jobs = integer(0, 1_024);
const model = record({
  artefact: hash,
  name,
  kinds: list(word, 16, 1),
  features: list(word, 32),
  contextTokens: integer(1, 10_000_000),
  quantisation: text(32),
  price,
  slots: integer(1, 1_024),
  running: jobs,
  queued: jobs,
  'measured?': record({ prefillTps: rate, decodeTps: rate, ttftMs: rate }),
  'upstream?': (value) => (value === true ? value : bad()),
  'hub?': (value) => (value === true ? value : bad()),
});
const offer = record({
  peer,
  seq: count,
  issuedAt: count,
  ttlMs: integer(1_000, 120_000),
  role: word,
  draining: boolean,
  engine: record({ name: text(64, 1), build: text(64), deviceClass: text(64) }),
  models: (value) =>
    list((row) => row ?? null, 32)(value) &&
    (value as Value[]).flatMap((row) => {
      try {
        return [model(row)];
      } catch {
        return [];
      }
    }),
  tiers: list(word, 8, 1),
  policy: list(word, 16),
  addrs: list(text(512), 16),
  build: text(64),
  'nickname?': (value) => text(32)(name(value)),
  'hardware?': record({
    gpus: list(record({ name: text(64, 1), memoryMiB: integer(0, 1_000_000_000) }), 16, 1),
    'driver?': text(64),
    'runtime?': text(64),
    'status?': word,
  }),
  'must?': must,
  'payout?': record({ chain, provider: address, providerSigner: address, delay: seconds, depositMin: money }),
  'attestation?': bytes(8_192),
});

export const readNewerOffer = (bytesOfEnvelope: Buffer): Value => {
  const { payload } = envelope('offer')(read(bytesOfEnvelope)) as { payload: Buffer };
  return offer(read(payload));
};

/** The voucher inside a `pay`, and what it has to cover. */
export const readVoucher = (bytesOfVoucher: Buffer): Value =>
  record({
    channelId: like(/^0x[0-9a-f]{64}$/),
    cumulativeAmount: money,
    signature: like(/^0x[0-9a-f]{130}$/),
  })(read(bytesOfVoucher));

/** What so many units cost by the page's formula. */
export const dueFor = (prices: { in: string; out: string }, unitsIn: number, unitsOut: number): bigint => {
  const exact = BigInt(prices.in) * BigInt(unitsIn) + BigInt(prices.out) * BigInt(unitsOut);
  return exact / 1_000_000n + (exact % 1_000_000n > 0n ? 1n : 0n);
};

/** The record of a tally, by its table. */
export const readTally: Check = record({
  peer,
  seq: count,
  issuedAt: count,
  ttlMs: integer(1_000, 604_800_000),
  received: list(record({ peer, work: integer(1, Number.MAX_SAFE_INTEGER) }), 100),
});

/** The record of a wish, by its table. */
export const readWish: Check = record({
  peer,
  issuedAt: count,
  ttlMs: integer(1_000, 3_600_000),
  artefacts: list(hash, 16),
});
