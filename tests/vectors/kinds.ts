import type { Job } from '#lib/protocol/job.ts';
import type { ChatTool } from '#lib/protocol/kinds/chat.ts';
import type { ResponseFormat, ToolChoice } from '#lib/protocol/kinds/generation.ts';
import type { OutputChannel } from '#lib/protocol/kinds/spec.ts';
import { jobKinds } from '#lib/protocol/kinds/table.ts';
import type { Part } from '#lib/protocol/part.ts';
import { job } from './records.ts';

/** A job of every kind, parts of every type, and outputs with every channel. Add new cases at the end. */
const { id: _id, kind: _kind, input: _input, params: _params, ...head } = job;
const picture = { mime: 'image/png', sha256: '66'.repeat(32), sizeBytes: 70_000 };
const sound = { mime: 'audio/wav', sha256: '77'.repeat(32), sizeBytes: 1_000 };
const numbered = (n: number) => n.toString(16).padStart(32, '0');

const tools: ChatTool[] = [
  {
    name: 'weather',
    description: 'The weather at a place.',
    parameters: '{"type":"object","properties":{"at":{"type":"string"}}}',
  },
  { name: 'now' },
];
const toolChoice: ToolChoice = { type: 'named', name: 'weather' };
const responseFormat: ResponseFormat = { type: 'json-schema', name: 'answer', schema: '{"type":"object"}' };

export const kindJobs: Readonly<Record<string, Job>> = {
  'chat with tools, calls and a picture': {
    ...head,
    id: numbered(1),
    kind: 'chat',
    input: {
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is this, and what is the weather there?' },
            { type: 'blob', ...picture },
          ],
        },
        { role: 'assistant', content: '', toolCalls: [{ id: 'call_1', name: 'weather', arguments: '{"at":"Wien"}' }] },
        { role: 'tool', content: '{"celsius":-3}', toolCallId: 'call_1' },
      ],
      tools,
    },
    params: { maxTokens: 32, toolChoice, parallelToolCalls: false },
  },
  'chat with every parameter': {
    ...head,
    id: numbered(2),
    kind: 'chat',
    input: { messages: [{ role: 'user', content: '' }] },
    params: {
      maxTokens: 32_768,
      temperature: 2,
      topP: 0.5,
      topK: 40,
      minP: 0.05,
      repetitionPenalty: 1.1,
      frequencyPenalty: -2,
      presencePenalty: 2,
      seed: 0,
      stop: [],
      logitBias: [
        [0, -100],
        [4_294_967_295, 0.5],
      ],
      logprobs: 20,
      responseFormat,
      toolChoice: { type: 'none' },
      parallelToolCalls: true,
      reasoningEffort: 'low',
    },
    resume: { text: 'Grüß', tokens: 2, ids: [17, 70_000] },
    must: [],
    budget: '0',
  },
  completion: {
    ...head,
    id: numbered(3),
    kind: 'completion',
    input: { prompt: 'Once' },
    params: { maxTokens: 8, responseFormat: { type: 'json-object' }, toolChoice: { type: 'auto' } },
  },
  embedding: {
    ...head,
    id: numbered(4),
    kind: 'embedding',
    input: { texts: ['one', 'zwei 🦊'] },
    params: { dimensions: 256 },
  },
  speech: {
    ...head,
    id: numbered(5),
    kind: 'speech',
    input: { text: 'Hello.' },
    params: { voice: 'alto', format: 'wav', speed: 1.25 },
  },
  transcription: {
    ...head,
    id: numbered(6),
    kind: 'transcription',
    input: { audio: sound, prompt: 'Tabloom' },
    params: { language: 'de-AT', temperature: 0 },
  },
  image: {
    ...head,
    id: numbered(7),
    kind: 'image',
    input: { prompt: 'A fox.', images: [picture] },
    params: { width: 512, height: 768, count: 2, seed: 7 },
  },
};

const vector = (...floats: number[]) => new Uint8Array(new Float32Array(floats).buffer);

export const kindParts: Readonly<Record<string, Part>> = {
  reasoning: { type: 'reasoning-delta', text: 'Hm. ', tokens: 2, ids: [5, 6] },
  'a call begins': {
    type: 'tool-call-delta',
    index: 0,
    id: 'call_1',
    name: 'weather',
    arguments: '{"at":',
    tokens: 3,
    ids: [7, 8, 9],
  },
  'a call goes on': { type: 'tool-call-delta', index: 0, arguments: '"Wien"}', tokens: 2, ids: [10, 11] },
  logprobs: {
    type: 'logprobs',
    items: [
      {
        token: 'Gr',
        bytes: Uint8Array.of(71, 114),
        logprob: -0.25,
        top: [{ token: 'Gr', bytes: Uint8Array.of(71, 114), logprob: -0.25 }],
      },
      { token: '', bytes: Uint8Array.of(195), logprob: -1e9, top: [] },
      { token: 'x', logprob: 0, top: [] },
    ],
  },
  embedding: { type: 'embedding', index: 0, vector: vector(0.6, -0.8) },
  data: { type: 'data-delta', index: 0, mime: 'audio/wav', bytes: Uint8Array.of(82, 73, 70, 70) },
};

const chat = jobKinds.chat.outputHash;
const { embedding, data } = kindParts as { embedding: Part; data: Part };

/** The channels, and the parts. */
export const kindOutputs: readonly (readonly [readonly OutputChannel[], readonly Part[]])[] = [
  [chat, [kindParts['reasoning']!, { type: 'text-delta', text: 'So:', tokens: 1, ids: [1] }]],
  [chat, [kindParts['a call begins']!, kindParts['logprobs']!, kindParts['a call goes on']!]],
  [
    chat,
    [
      kindParts['a call begins']!,
      { type: 'tool-call-delta', index: 1, id: 'call_2', name: 'now', arguments: '', tokens: 0 },
      { type: 'tool-call-delta', index: 3, id: 'call_9', name: 'late', arguments: '{}', tokens: 1 },
      kindParts['a call goes on']!,
    ],
  ],
  [jobKinds.completion.outputHash, [{ type: 'text-delta', text: 'upon', tokens: 1, ids: [3] }]],
  [jobKinds.embedding.outputHash, []],
  [jobKinds.embedding.outputHash, [embedding, { type: 'embedding', index: 1, vector: vector(1, 0) }]],
  [jobKinds.speech.outputHash, [data, { ...data, bytes: new Uint8Array(100).fill(9) } as Part]],
  [
    jobKinds.image.outputHash,
    [
      { type: 'data-delta', index: 0, mime: 'image/png', bytes: Uint8Array.of(1) },
      { type: 'data-delta', index: 1, mime: 'image/webp', bytes: Uint8Array.of(2) },
      { type: 'data-delta', index: 0, mime: 'image/png', bytes: Uint8Array.of(3) },
    ],
  ],
];
