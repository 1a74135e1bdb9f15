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
  countersignEnvelopeFixture,
  jobFixture,
  offerEnvelopeFixture,
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
];
const workerFrames: WorkerFrame[] = [
  { t: 'accepted', position: 0, etaMs: 0 },
  { t: 'refused', code: 'busy', message: 'Later.', retryAfterMs: 2_000 },
  { t: 'part', part: { type: 'text-delta', text: 'Hi', tokens: 1, ids: [0xffff_ffff] } },
  { t: 'part', part: { type: 'warning', code: 'seed-ignored', message: 'No seed here.' } },
  { t: 'alive' },
  { t: 'finish', reason: 'stop', usage, receipt: receiptEnvelopeFixture },
  { t: 'error', code: 'some-code-of-tomorrow', message: '' },
];

test('every frame comes back as it was, and each side skips those of the other', () => {
  for (const frame of askerFrames) {
    expect(decodeAskerFrame(encodeAskerFrame(frame))).toEqual(frame);
    expect(decodeWorkerFrame(encodeAskerFrame(frame))).toEqual({ t: 'unknown', word: frame.t });
  }
  for (const frame of workerFrames) {
    expect(decodeWorkerFrame(encodeWorkerFrame(frame))).toEqual(frame);
    expect(decodeAskerFrame(encodeWorkerFrame(frame))).toEqual({ t: 'unknown', word: frame.t });
  }
});

test('members that a newer peer adds are passed over', () => {
  expect(decodeWorkerFrame(encodeCbor({ t: 'alive', mood: 'fine' }))).toEqual({ t: 'alive' });
});

/** A valid `open` with one thing changed. */
const job = (over: object) => ({ t: 'open', job: { ...jobFixture, ...over } });
const params = (over: object) => job({ params: { ...jobFixture.params, ...over } });
const messages = (count: number) => Array.from({ length: count }, () => ({ role: 'user', content: '' }));
const text = (units: number, character = 'x') => character.repeat(units);

test('each limit holds at its edge: one more is refused, by reader and writer alike', () => {
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

test('the worker’s numbers and words have edges too', () => {
  const part = (over: object) => ({ t: 'part', part: { type: 'text-delta', text: '', tokens: 0, ...over } });
  const edges: readonly (readonly [string, object, object])[] = [
    ['part text', part({ text: text(65_536) }), part({ text: text(65_537) })],
    ['part text in bytes', part({ text: text(32_768, 'ü') }), part({ text: text(32_769, 'ü') })],
    ['token ids', part({ ids: Array(4_096).fill(1) }), part({ ids: Array(4_097).fill(1) })],
    ['token id', part({ ids: [2 ** 32 - 1] }), part({ ids: [2 ** 32] })],
    ['tokens', part({ tokens: 4_096 }), part({ tokens: -1 })],
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

test('an integer past 2^53 is no number here, whatever the field', () => {
  const big = encodeCbor({ t: 'accepted', position: 0, etaMs: 2n ** 60n });
  expect(() => decodeWorkerFrame(big)).toThrow(badFrame);
});

test('a frame larger than the limit is neither written nor read', () => {
  const messages = [1, 2].map(() => ({ role: 'user' as const, content: text(140 * 1024) }));
  expect(() =>
    encodeAskerFrame({ t: 'open', job: { ...jobFixture, kind: 'chat', input: { messages } } as Job }),
  ).toThrow(tooLarge);
  expect(() => decodeWorkerFrame(new Uint8Array(limits.frameBytesMax + 1))).toThrow(tooLarge);
});
