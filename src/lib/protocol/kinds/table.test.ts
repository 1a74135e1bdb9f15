import { expect, test } from 'vitest';
import { parseJob } from '../job.ts';
import { limits } from '../limits.ts';
import { partSchema } from '../part.ts';
import { jobFixture } from '../protocol.fixture.ts';
import { features } from './spec.ts';
import { jobKinds, kindNames, kindOf, type KindName } from './table.ts';

const read = (kind: KindName, input: object, params: object) => parseJob({ ...jobFixture, kind, input, params });
const verdict = (...of: Parameters<typeof read>): string => {
  try {
    read(...of);
    return 'fits';
  } catch (error) {
    return (error as { code: string }).code;
  }
};
const x = (length: number) => 'x'.repeat(length);
const times = <T>(length: number, value: T): T[] => Array<T>(length).fill(value);
const file = { mime: 'image/png', sha256: 'ab'.repeat(32), sizeBytes: 1 };
const files = (length: number) =>
  times(length, 0).map((_, n) => ({ ...file, sha256: n.toString(16).padStart(64, '0') }));
const textMax = limits.messageTextBytesMax;
const size = { width: 64, height: 4_096 };

/** For each kind, input and params at a limit, and the same just past it. */
type Edge = readonly [KindName, string, readonly [object, object], readonly [object, object]];
const some = { maxTokens: 1 };
const ofParams = (name: string, inside: unknown, outside: unknown): Edge => [
  'completion',
  name,
  [{ prompt: '' }, { ...some, [name]: inside }],
  [{ prompt: '' }, { ...some, [name]: outside }],
];
const edges: readonly Edge[] = [
  ['completion', 'prompt', [{ prompt: x(textMax) }, some], [{ prompt: x(textMax + 1) }, some]],
  ofParams('maxTokens', limits.maxTokensMax, limits.maxTokensMax + 1),
  ofParams('maxTokens', 1, 0),
  ofParams('temperature', 2, 2.01),
  ofParams('topP', 1, 0),
  ofParams('topK', 1_000_000, 1_000_001),
  ofParams('topK', 1, 0),
  ofParams('minP', 1, -0.1),
  ofParams('repetitionPenalty', 0.01, 0),
  ofParams('repetitionPenalty', 2, 2.01),
  ofParams('frequencyPenalty', -2, -2.01),
  ofParams('presencePenalty', 2, 2.01),
  ofParams('seed', 2 ** 32 - 1, 2 ** 32),
  ofParams('stop', times(4, x(256)), times(5, 'x')),
  ofParams('stop', [x(256)], [x(257)]),
  ofParams('logitBias', times(300, [2 ** 32 - 1, -100]), times(301, [0, 0])),
  ofParams('logitBias', [[0, 100]], [[0, 100.5]]),
  ofParams('logitBias', [[0, 1]], [[0, 1, 2]]),
  ofParams('logprobs', 20, 21),
  ofParams('parallelToolCalls', false, 'no'),
  ofParams('reasoningEffort', 'none', 'None'),
  ofParams('toolChoice', { type: 'named', name: 'f' }, { type: 'named' }),
  ofParams('responseFormat', { type: 'json-schema', schema: '{}' }, { type: 'json-schema', schema: '{' }),
  ofParams(
    'responseFormat',
    { type: 'json-schema', name: 'n', schema: '{}' },
    { type: 'json-schema', name: ' ', schema: '{}' },
  ),
  ['embedding', 'texts', [{ texts: times(256, 'x') }, {}], [{ texts: times(257, 'x') }, {}]],
  ['embedding', 'a text', [{ texts: ['x'] }, {}], [{ texts: [] }, {}]],
  ['embedding', 'empty text', [{ texts: ['x'] }, {}], [{ texts: [''] }, {}]],
  ['embedding', 'dimensions', [{ texts: ['x'] }, { dimensions: 8_192 }], [{ texts: ['x'] }, { dimensions: 8_193 }]],
  ['embedding', 'params are a map', [{ texts: ['x'] }, {}], [{ texts: ['x'] }, new Uint8Array()]],
  ['speech', 'text', [{ text: x(textMax) }, {}], [{ text: '' }, {}]],
  ['speech', 'voice', [{ text: 'x' }, { voice: x(128) }], [{ text: 'x' }, { voice: x(129) }]],
  ['speech', 'speed', [{ text: 'x' }, { speed: 4 }], [{ text: 'x' }, { speed: 0.2 }]],
  ['speech', 'format', [{ text: 'x' }, { format: 'flac' }], [{ text: 'x' }, { format: 'FLAC' }]],
  [
    'transcription',
    'audio',
    [{ audio: { ...file, sizeBytes: limits.blobBytesMax } }, {}],
    [{ audio: { ...file, sizeBytes: limits.blobBytesMax + 1 } }, {}],
  ],
  ['transcription', 'prompt', [{ audio: file, prompt: x(1_024) }, {}], [{ audio: file, prompt: x(1_025) }, {}]],
  ['transcription', 'language', [{ audio: file }, { language: x(35) }], [{ audio: file }, { language: x(36) }]],
  ['transcription', 'temperature', [{ audio: file }, { temperature: 1 }], [{ audio: file }, { temperature: 1.1 }]],
  ['image', 'prompt', [{ prompt: 'x' }, size], [{ prompt: '' }, size]],
  ['image', 'images', [{ prompt: 'x', images: files(4) }, size], [{ prompt: 'x', images: files(5) }, size]],
  ['image', 'width', [{ prompt: 'x' }, size], [{ prompt: 'x' }, { ...size, width: 63 }]],
  ['image', 'height', [{ prompt: 'x' }, size], [{ prompt: 'x' }, { ...size, height: 4_097 }]],
  ['image', 'count', [{ prompt: 'x' }, { ...size, count: 4 }], [{ prompt: 'x' }, { ...size, count: 5 }]],
  ['image', 'seed', [{ prompt: 'x' }, { ...size, seed: 0 }], [{ prompt: 'x' }, { ...size, seed: -1 }]],
];

test.each(edges)('%s: %s holds at its edge', (kind, _, inside, outside) => {
  expect(verdict(kind, ...inside)).toBe('fits');
  expect(verdict(kind, ...outside)).toBe('bad-frame');
});

const valid: Readonly<Record<Exclude<KindName, 'chat'>, readonly [object, object]>> = {
  completion: [{ prompt: '' }, some],
  embedding: [{ texts: ['x'] }, {}],
  speech: [{ text: 'x' }, {}],
  transcription: [{ audio: file }, {}],
  image: [{ prompt: 'x', images: [file] }, size],
};
test.each(Object.entries(valid))(
  '%s: a member that is not known is refused with `version`',
  (kind, [input, params]) => {
    const of = kind as KindName;
    expect(verdict(of, input, params)).toBe('fits');
    expect(verdict(of, { ...input, mood: 1 }, params)).toBe('version');
    expect(verdict(of, input, { ...params, mood: 1 })).toBe('version');
  },
);
test('the limits of a file hold at their edges', () => {
  expect(verdict('transcription', { audio: { ...file, channels: 2 } }, {})).toBe('version');
  expect(verdict('image', { prompt: 'x', images: [{ ...file, mask: true }] }, size)).toBe('version');
});

test('features, files and prompt length of the smaller kinds', () => {
  const { completion, embedding, speech, transcription, image } = jobKinds;
  expect(completion.needs({ input: { prompt: '' }, params: { maxTokens: 1, logprobs: 1 } })).toEqual(['logprobs']);
  expect(image.needs({ input: { prompt: 'x' }, params: size })).toEqual([]);
  expect(image.needs({ input: { prompt: 'x', images: [file] }, params: size })).toEqual(['vision']);
  expect(image.blobs({ prompt: 'x', images: [file] })).toEqual([file]);
  expect(transcription.blobs({ audio: file })).toEqual([file]);
  expect(embedding.promptLength({ texts: ['ab', 'c'] })).toBe(3);
  expect(speech.promptLength({ text: 'abc' })).toBe(3);
  expect(transcription.promptLength({ audio: file })).toBe(0);
  expect(completion.promptLength({ prompt: 'ab' })).toBe(2);
});

test('the rows are consistent with the rest of the wire', () => {
  const types = partSchema.options.map(({ shape }) => shape.type.value);
  for (const name of kindNames) {
    const row = jobKinds[name];
    expect(row.kind).toBe(name);
    for (const part of row.parts) expect(types).toContain(part);
    // Hashed channels match the allowed parts, and binary output is bounded.
    const channels: readonly string[] = row.outputHash;
    const parts: readonly string[] = row.parts;
    expect(channels.includes('data')).toBe(parts.includes('embedding') || parts.includes('data-delta'));
    expect(channels.includes('text')).toBe(parts.includes('text-delta'));
    expect(channels.includes('tool-calls')).toBe(parts.includes('tool-call-delta'));
    expect(row.limits.dataBytesMax > 0).toBe(channels.includes('data'));
    expect(row.limits.blobBytesMax).toBeLessThanOrEqual(limits.blobBytesMax);
    expect(row.limits.blobBytesMax).toBeLessThanOrEqual(limits.blobBytesPerPeerMax);
  }
  expect(new Set(features).size).toBe(features.length);
});

test('names inherited from the prototype are not kinds', () => {
  expect(kindOf('chat')).toBe(jobKinds.chat);
  for (const word of ['toString', 'constructor', '__proto__', 'video', '']) expect(kindOf(word)).toBeUndefined();
});
