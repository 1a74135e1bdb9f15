import * as dagCbor from '@ipld/dag-cbor';
import { expect, test } from 'vitest';
import { encodeCbor } from './cbor.ts';
import {
  decodeAskerFrame,
  decodeWorkerFrame,
  encodeAskerFrame,
  encodeWorkerFrame,
  type AskerFrame,
  type WorkerFrame,
} from './frame.ts';
import type { Job } from './job.ts';
import { limits } from './limits.ts';
import {
  checkpointEnvelopeFixture,
  countersignEnvelopeFixture,
  jobFixture,
  offerEnvelopeFixture,
  paidJobFixture,
  receiptEnvelopeFixture,
} from './protocol.fixture.ts';

const badFrame = expect.objectContaining({ code: 'bad-frame' });
const tooLarge = expect.objectContaining({ code: 'frame-too-large' });
const usage = { tokensIn: 21, tokensOut: 2 };

const askerFrames: AskerFrame[] = [
  { t: 'open', job: jobFixture },
  {
    t: 'open',
    job: { ...jobFixture, kind: 'completion', input: { prompt: '' }, resume: { text: 'a', tokens: 1 } } as Job,
  },
  { t: 'blob', sha256: 'ab'.repeat(32), bytes: new Uint8Array(65_536) },
  { t: 'cancel', jobId: jobFixture.id },
  { t: 'countersign', envelope: countersignEnvelopeFixture },
  { t: 'pay', voucher: new Uint8Array(limits.receiptBytesMax) },
  { t: 'pay', voucher: new Uint8Array(1), total: '9'.repeat(30) },
  { t: 'open', job: paidJobFixture },
];
const workerFrames: WorkerFrame[] = [
  { t: 'accepted', position: 0, etaMs: 0 },
  { t: 'accepted', position: 0, etaMs: 0, tokensIn: 21, due: '3', paid: '0' },
  { t: 'alive', phase: 'starved' },
  { t: 'refused', code: 'busy', message: 'Later.', retryAfterMs: 2_000 },
  { t: 'part', part: { type: 'text-delta', text: 'Hi', tokens: 1, ids: [0xffff_ffff] } },
  { t: 'part', part: { type: 'warning', code: 'seed-ignored', message: 'No seed here.' } },
  { t: 'part', part: { type: 'reasoning-delta', text: 'Hm', tokens: 1 } },
  { t: 'part', part: { type: 'tool-call-delta', index: 127, id: 'c', name: 'f', arguments: '{', tokens: 1, ids: [1] } },
  { t: 'part', part: { type: 'logprobs', items: [{ token: 'a', logprob: -1e9, top: [{ token: '', logprob: 0 }] }] } },
  { t: 'part', part: { type: 'embedding', index: 255, vector: new Uint8Array(32_768) } },
  { t: 'part', part: { type: 'data-delta', index: 3, mime: 'image/png', bytes: new Uint8Array(65_536) } },
  { t: 'checkpoint', envelope: checkpointEnvelopeFixture },
  { t: 'alive' },
  { t: 'alive', phase: 'prefill', etaMs: 4_000 },
  { t: 'error', code: 'busy', message: 'Later.', retryAfterMs: 1 },
  { t: 'finish', reason: 'stop', usage, receipt: receiptEnvelopeFixture },
  { t: 'error', code: 'some-code-of-tomorrow', message: '' },
];

test('every frame survives a round trip, and each side skips the other side’s frames', () => {
  for (const frame of askerFrames) {
    expect(decodeAskerFrame(encodeAskerFrame(frame))).toEqual(frame);
    expect(decodeWorkerFrame(encodeAskerFrame(frame))).toEqual({ t: 'unknown', word: frame.t });
  }
  for (const frame of workerFrames) {
    expect(decodeWorkerFrame(encodeWorkerFrame(frame))).toEqual(frame);
    expect(decodeAskerFrame(encodeWorkerFrame(frame))).toEqual({ t: 'unknown', word: frame.t });
  }
});

test('members added by a newer peer are ignored', () => {
  expect(decodeWorkerFrame(encodeCbor({ t: 'alive', mood: 'fine' }))).toEqual({ t: 'alive' });
});

test('a frame or part of an unknown type is skipped under its word', () => {
  const skipped = (word: string) => ({ t: 'unknown', word });
  expect(decodeAskerFrame(encodeCbor({ t: 'steer', towards: 1 }))).toEqual(skipped('steer'));
  expect(decodeWorkerFrame(encodeCbor({ t: 'gossip' }))).toEqual(skipped('gossip'));
  expect(decodeWorkerFrame(encodeCbor({ t: 'part', part: { type: 'scent', of: 'pine' } }))).toEqual(skipped('scent'));
  for (const raw of [{}, { t: 7 }, { t: 'Gossip' }, { t: 'a'.repeat(65) }, [], null, 'alive']) {
    expect(() => decodeWorkerFrame(encodeCbor(raw))).toThrow(badFrame);
    expect(() => decodeAskerFrame(encodeCbor(raw))).toThrow(badFrame);
  }
  for (const part of [undefined, null, [], 'text-delta', {}, { type: 7 }, { type: 'Scent' }]) {
    expect(() => decodeWorkerFrame(encodeCbor({ t: 'part', part }))).toThrow(badFrame);
  }
});

test('a malformed frame of a known type is not taken for a newer one', () => {
  for (const raw of [{ t: 'accepted' }, { t: 'part', part: { type: 'text-delta' } }, { t: 'alive', phase: 7 }]) {
    expect(() => decodeWorkerFrame(encodeCbor(raw))).toThrow(badFrame);
  }
});

test('reasons, phases and codes are open words', () => {
  const finish = { t: 'finish', reason: 'bored', usage, receipt: receiptEnvelopeFixture };
  for (const frame of [finish, { t: 'alive', phase: 'dreaming' }, { t: 'error', code: 'out-of-wishes', message: '' }]) {
    expect(decodeWorkerFrame(encodeCbor(frame))).toEqual(frame);
    expect(decodeWorkerFrame(encodeWorkerFrame(frame as WorkerFrame))).toEqual(frame);
  }
});

test('a frame with an unknown word in `must` is refused with `version`, whether its type is known or not', () => {
  const version = expect.objectContaining({ code: 'version' });
  const part = { type: 'text-delta', text: '', tokens: 0 };
  for (const frame of [{ t: 'alive' }, { t: 'part', part }, { t: 'gossip' }]) {
    expect(() => decodeWorkerFrame(encodeCbor({ ...frame, must: ['sealed'] }))).toThrow(version);
    expect(() => decodeWorkerFrame(encodeCbor({ ...frame, must: [] }))).not.toThrow();
    expect(() => decodeWorkerFrame(encodeCbor({ ...frame, must: ['Sealed'] }))).toThrow(badFrame);
  }
  for (const frame of [{ t: 'open', job: jobFixture }, { t: 'cancel', jobId: jobFixture.id }, { t: 'steer' }]) {
    expect(() => decodeAskerFrame(encodeCbor({ ...frame, must: ['sealed'] }))).toThrow(version);
  }
});

/** A valid `open` with one member changed. */
const job = (over: object) => ({ t: 'open', job: { ...jobFixture, ...over } });
const params = (over: object) => job({ params: { ...jobFixture.params, ...over } });
const messages = (count: number) => Array.from({ length: count }, () => ({ role: 'user', content: '' }));
const text = (units: number, character = 'x') => character.repeat(units);

test('each limit holds at its edge: one more is refused when reading and when writing', () => {
  const edges: readonly (readonly [string, object, object])[] = [
    ['job id', job({ id: 'f'.repeat(32) }), job({ id: 'F'.repeat(32) })],
    ['artefact', job({ artefact: '0'.repeat(64) }), job({ artefact: '0'.repeat(63) })],
    ['model', job({ model: text(128) }), job({ model: text(129) })],
    ['salt', job({ salt: '0'.repeat(32) }), job({ salt: '' })],
    ['deadline', job({ deadlineMs: limits.jobDeadlineMsMax }), job({ deadlineMs: limits.jobDeadlineMsMax + 1 })],
    ['deadline, whole', job({ deadlineMs: 1 }), job({ deadlineMs: 1.5 })],
    ['tier', job({ tier: 'confidential' }), job({ tier: 'Secret' })],
    ['tokens', params({ maxTokens: limits.maxTokensMax }), params({ maxTokens: limits.maxTokensMax + 1 })],
    ['no tokens', params({ maxTokens: 1 }), params({ maxTokens: 0 })],
    ['temperature', params({ temperature: 2 }), params({ temperature: 2.01 })],
    ['top p', params({ topP: 0.01 }), params({ topP: 0 })],
    ['seed', params({ seed: 0 }), params({ seed: 2 ** 32 })],
    ['null is not absent', params({}), params({ seed: null })],
    ['stop sequences', params({ stop: ['a', 'b', 'c', 'd'] }), params({ stop: ['a', 'b', 'c', 'd', 'e'] })],
    ['empty stop', params({ stop: [] }), params({ stop: [''] })],
    ['stop in bytes', params({ stop: [text(128, 'ü')] }), params({ stop: [text(129, 'ü')] })],
    [
      'messages',
      job({ kind: 'chat', input: { messages: messages(512) } }),
      job({ kind: 'chat', input: { messages: messages(513) } }),
    ],
    [
      'no message',
      job({ kind: 'chat', input: { messages: [{ role: 'tool', content: [] }] } }),
      job({ kind: 'chat', input: { messages: [] } }),
    ],
    [
      'text in bytes',
      job({ kind: 'completion', input: { prompt: text(96 * 1024, 'ü') } }),
      job({ kind: 'completion', input: { prompt: text(96 * 1024 + 1, 'ü') } }),
    ],
    [
      'blob',
      { t: 'blob', sha256: '0'.repeat(64), bytes: new Uint8Array(65_536) },
      { t: 'blob', sha256: '0'.repeat(64), bytes: new Uint8Array(65_537) },
    ],
    [
      'no bytes of a blob',
      { t: 'blob', sha256: '0'.repeat(64), bytes: new Uint8Array(1) },
      { t: 'blob', sha256: '0'.repeat(64), bytes: new Uint8Array(0) },
    ],
    ['total', { t: 'pay', voucher: new Uint8Array(1), total: '0' }, { t: 'pay', voucher: new Uint8Array(1), total: 1 }],
    ['voucher', { t: 'pay', voucher: new Uint8Array(0) }, { t: 'pay', voucher: new Uint8Array(8_193) }],
    [
      'the envelope’s type',
      { t: 'countersign', envelope: countersignEnvelopeFixture },
      { t: 'countersign', envelope: offerEnvelopeFixture },
    ],
  ];
  for (const [name, inside, outside] of edges) {
    expect(() => decodeAskerFrame(encodeCbor(inside)), name).not.toThrow();
    expect(() => decodeAskerFrame(encodeCbor(outside)), name).toThrow(badFrame);
    expect(() => encodeAskerFrame(outside as AskerFrame), name).toThrow(badFrame);
  }
});

test('the limits on a worker’s numbers and words hold too', () => {
  const part = (over: object) => ({ t: 'part', part: { type: 'text-delta', text: '', tokens: 0, ...over } });
  const bytes = (length: number) => new Uint8Array(length);
  const of = (type: string, members: object) => ({ t: 'part', part: { type, ...members } });
  const call = (over: object) => of('tool-call-delta', { index: 0, arguments: '', tokens: 0, ...over });
  const likely = { token: 'a', logprob: -1 };
  const times = (length: number, value: object) => Array.from({ length }, () => value);
  const logprobs = (length: number, over: object = {}) =>
    of('logprobs', { items: times(length, { ...likely, top: [], ...over }) });
  const vector = (of32: Uint8Array) => of('embedding', { index: 0, vector: of32 });
  const data = (over: object) => of('data-delta', { index: 0, mime: 'a/b', bytes: bytes(1), ...over });
  const edges: readonly (readonly [string, object, object])[] = [
    ['part text', part({ text: text(65_536) }), part({ text: text(65_537) })],
    ['part text in bytes', part({ text: text(32_768, 'ü') }), part({ text: text(32_769, 'ü') })],
    ['token ids', part({ ids: Array(4_096).fill(1) }), part({ ids: Array(4_097).fill(1) })],
    ['token id', part({ ids: [2 ** 32 - 1] }), part({ ids: [2 ** 32] })],
    ['tokens', part({ tokens: 4_096 }), part({ tokens: -1 })],
    ['call index', call({ index: 127 }), call({ index: 128 })],
    ['call id', call({ id: 'i'.repeat(64) }), call({ id: '' })],
    ['call name', call({ name: 'f' }), call({ name: 'f g' })],
    ['call arguments', call({ arguments: text(65_536) }), call({ arguments: text(65_537) })],
    ['logprobs', logprobs(256), logprobs(257)],
    ['no logprobs', logprobs(1), logprobs(0)],
    ['top', logprobs(1, { top: times(20, likely) }), logprobs(1, { top: times(21, likely) })],
    ['logprob', logprobs(1, { logprob: 0 }), logprobs(1, { logprob: 0.1 })],
    ['logprob, finite', logprobs(1, { logprob: -1e9 }), logprobs(1, { logprob: -1.1e9 })],
    ['token bytes', logprobs(1, { bytes: bytes(256) }), logprobs(1, { bytes: bytes(257) })],
    ['vector', vector(bytes(32_768)), vector(bytes(32_772))],
    ['floats', vector(bytes(4)), vector(bytes(3))],
    ['no floats', vector(bytes(4)), vector(bytes(0))],
    ['data', data({ bytes: bytes(65_536) }), data({ bytes: bytes(65_537) })],
    ['no data', data({}), data({ bytes: bytes(0) })],
    ['data index', data({ index: 3 }), data({ index: 4 })],
    ['media type', data({ mime: 'audio/x-wav' }), data({ mime: 'text/html\r\nx: y' })],
    ['phase', { t: 'alive', phase: 'a' }, { t: 'alive', phase: 'A' }],
    ['alive eta', { t: 'alive', etaMs: 1e9 }, { t: 'alive', etaMs: -1 }],
    [
      'checkpoint type',
      { t: 'checkpoint', envelope: checkpointEnvelopeFixture },
      { t: 'checkpoint', envelope: receiptEnvelopeFixture },
    ],
    ['position', { t: 'accepted', position: 1_024, etaMs: 1e9 }, { t: 'accepted', position: 1_025, etaMs: 0 }],
    ['eta', { t: 'accepted', position: 0, etaMs: 0 }, { t: 'accepted', position: 0, etaMs: 0.5 }],
    ['code', { t: 'error', code: 'a', message: text(1_024) }, { t: 'error', code: 'Not Kebab', message: '' }],
    ['message', { t: 'error', code: 'a-1', message: '' }, { t: 'error', code: 'a', message: text(1_025) }],
    [
      'usage',
      { t: 'finish', reason: 'length', usage, receipt: receiptEnvelopeFixture },
      { t: 'finish', reason: 'length', usage: { tokensIn: 2 ** 53, tokensOut: 0 }, receipt: receiptEnvelopeFixture },
    ],
    [
      'reason',
      { t: 'finish', reason: 'cancelled', usage, receipt: receiptEnvelopeFixture },
      { t: 'finish', reason: 'Bored', usage, receipt: receiptEnvelopeFixture },
    ],
    [
      'receipt type',
      { t: 'finish', reason: 'stop', usage, receipt: receiptEnvelopeFixture },
      { t: 'finish', reason: 'stop', usage, receipt: countersignEnvelopeFixture },
    ],
  ];
  for (const [name, inside, outside] of edges) {
    expect(() => decodeWorkerFrame(encodeCbor(inside)), name).not.toThrow();
    expect(() => decodeWorkerFrame(encodeCbor(outside)), name).toThrow(badFrame);
    expect(() => encodeWorkerFrame(outside as WorkerFrame), name).toThrow(badFrame);
  }
});

test('an integer beyond 2^53 is refused in every field', () => {
  const big = dagCbor.encode({ t: 'accepted', position: 0, etaMs: 2n ** 60n });
  expect(() => decodeWorkerFrame(big)).toThrow(badFrame);
});

test('a frame above the size limit is neither encoded nor decoded', () => {
  const messages = [1, 2].map(() => ({ role: 'user' as const, content: text(140 * 1024) }));
  expect(() =>
    encodeAskerFrame({ t: 'open', job: { ...jobFixture, kind: 'chat', input: { messages } } as Job }),
  ).toThrow(tooLarge);
  expect(() => decodeWorkerFrame(new Uint8Array(limits.frameBytesMax + 1))).toThrow(tooLarge);
});
