import { expect, test } from 'vitest';
import { parseJob, parseWork, type Work } from '../job.ts';
import { limits } from '../limits.ts';
import { jobFixture } from '../protocol.fixture.ts';
import { chat, messageText, type ChatInput } from './chat.ts';
import type { GenerationParams } from './generation.ts';

const read = (input: object, params: object = {}) =>
  parseJob({ ...jobFixture, input, params: { ...jobFixture.params, ...params } });
const codeOf = (input: object, params: object = {}): string => {
  try {
    read(input, params);
    return 'fits';
  } catch (error) {
    return (error as { code: string }).code;
  }
};
const user = (content: unknown, more: object = {}) => ({ messages: [{ role: 'user', content, ...more }] });
const x = (length: number, character = 'x') => character.repeat(length);
const times = <T>(length: number, value: T): T[] => Array<T>(length).fill(value);
const call = { id: 'c1', name: 'f', arguments: '{}' };
const file = { type: 'blob', mime: 'image/png', sha256: 'ab'.repeat(32), sizeBytes: 1 };
const hash = (n: number) => n.toString(16).padStart(64, '0');

test('each input limit holds at its edge', () => {
  const edges: readonly (readonly [string, object, object])[] = [
    ['messages', { messages: times(512, user('').messages[0]) }, { messages: times(513, user('').messages[0]) }],
    ['a message', user(''), { messages: [] }],
    ['text', user(x(limits.messageTextBytesMax)), user(x(limits.messageTextBytesMax + 1))],
    ['text in bytes', user(x(98_304, 'ü')), user(x(98_305, 'ü'))],
    ['parts', user(times(16, { type: 'text', text: '' })), user(times(17, { type: 'text', text: '' }))],
    ['name', user('', { name: x(128) }), user('', { name: x(129) })],
    ['call id', user('', { toolCallId: x(64) }), user('', { toolCallId: '' })],
    ['calls', user('', { toolCalls: times(128, call) }), user('', { toolCalls: times(129, call) })],
    ['a call', user('', { toolCalls: [call] }), user('', { toolCalls: [] })],
    ['function', user('', { toolCalls: [call] }), user('', { toolCalls: [{ ...call, name: 'f g' }] })],
    ['function name', { ...user(''), tools: [{ name: x(64) }] }, { ...user(''), tools: [{ name: x(65) }] }],
    ['tools', { ...user(''), tools: times(128, { name: 'f' }) }, { ...user(''), tools: times(129, { name: 'f' }) }],
    ['a tool', { ...user(''), tools: [{ name: 'f' }] }, { ...user(''), tools: [] }],
    [
      'parameters',
      { ...user(''), tools: [{ name: 'f', parameters: '{"type":"object"}' }] },
      { ...user(''), tools: [{ name: 'f', parameters: '{type:object}' }] },
    ],
    ['file', user([file]), user([{ ...file, sizeBytes: 0 }])],
    ['file hash', user([file]), user([{ ...file, sha256: 'AB'.repeat(32) }])],
    ['media type', user([{ ...file, mime: 'image/svg+xml' }]), user([{ ...file, mime: 'image/png\r\nx: y' }])],
    [
      'files',
      {
        messages: times(2, 0).map(
          (_, m) => user(times(8, 0).map((_, i) => ({ ...file, sha256: hash(m * 8 + i) }))).messages[0],
        ),
      },
      {
        messages: times(3, 0).map(
          (_, m) => user(times(6, 0).map((_, i) => ({ ...file, sha256: hash(m * 6 + i) }))).messages[0],
        ),
      },
    ],
    [
      'bytes of files',
      user([{ ...file, sizeBytes: chat.limits.blobBytesMax }]),
      user([
        { ...file, sizeBytes: chat.limits.blobBytesMax },
        { ...file, sha256: hash(1) },
      ]),
    ],
    ['one size for a file', user([file, file]), user([file, { ...file, sizeBytes: 2 }])],
  ];
  for (const [name, inside, outside] of edges) {
    expect(codeOf(inside), name).toBe('fits');
    expect(codeOf(outside), name).toBe('bad-frame');
  }
});

test('unknown members and words are refused with `version` at any depth', () => {
  const text = { type: 'text', text: '' };
  const unknown: readonly (readonly [string, object, object?])[] = [
    ['input.documents', { ...user(''), documents: [] }],
    ['input.messages.0.cache', user('', { cache: true })],
    ['input.messages.0.role', { messages: [{ role: 'critic', content: '' }] }],
    ['input.messages.0.content.0.type', user([{ type: 'video', seconds: 3 }])],
    ['input.messages.0.content.1.mood', user([text, { ...text, mood: 1 }])],
    ['input.messages.0.content.0.detail', user([{ ...file, detail: 'low' }])],
    ['input.messages.0.toolCalls.0.server', user('', { toolCalls: [{ ...call, server: 1 }] })],
    ['input.tools.0.strict', { ...user(''), tools: [{ name: 'f', strict: true }] }],
    ['params.dryMultiplier', user(''), { dryMultiplier: 1 }],
    ['params.responseFormat.type', user(''), { responseFormat: { type: 'grammar' } }],
    ['params.responseFormat.strict', user(''), { responseFormat: { type: 'json-object', strict: true } }],
    ['params.toolChoice.type', user(''), { toolChoice: { type: 'mostly' } }],
  ];
  for (const [at, input, params] of unknown) {
    expect(() => read(input, params), at).toThrow(
      expect.objectContaining({ code: 'version', message: expect.stringContaining(`"${at}"`) }),
    );
  }
});

test('malformed input is `bad-frame` rather than `version`, and the error names its path', () => {
  const wrong: readonly (readonly [string, object, object?])[] = [
    ['input.messages.0.role', { messages: [{ role: 7, content: '' }] }],
    ['input.messages.0.content', user(7)],
    ['input.messages.0.content.0.text', user([{ type: 'text', text: 7 }])],
    ['input.messages.0.content.0.type', user([{ type: 7, text: '' }])],
    ['params.maxTokens', user(''), { maxTokens: '8' }],
    ['params.responseFormat', user(''), { responseFormat: 'json' }],
    ['input', new Uint8Array(1)],
  ];
  for (const [at, input, params] of wrong) {
    expect(() => read(input, params), at).toThrow(
      expect.objectContaining({ code: 'bad-frame', message: expect.stringContaining(`"${at}`) }),
    );
  }
});

test('a local caller gets `bad-request` for its own mistakes', () => {
  const work: Work = { kind: 'chat', input: { messages: [] }, params: { maxTokens: 1 } };
  expect(() => parseWork(work)).toThrow(expect.objectContaining({ code: 'bad-request' }));
});

test('the features a job needs', () => {
  const needs = (input: Partial<ChatInput>, params: Partial<GenerationParams> = {}) =>
    chat.needs({ input: { messages: [], ...input }, params: { maxTokens: 1, ...params } });
  const picture = { ...file, type: 'blob' as const };
  expect(needs({})).toEqual([]);
  expect(needs({ tools: [{ name: 'f' }] })).toEqual(['tools']);
  expect(needs({ tools: [{ name: 'f' }] }, { toolChoice: { type: 'none' } })).toEqual([]);
  expect(needs({ messages: [{ role: 'user', content: [picture] }] })).toEqual(['vision']);
  expect(needs({}, { responseFormat: { type: 'text' }, logitBias: [] })).toEqual([]);
  expect(needs({}, { responseFormat: { type: 'json-object' } })).toEqual(['json-schema']);
  expect(needs({}, { responseFormat: { type: 'json-schema', schema: '{}' } })).toEqual(['json-schema']);
  expect(needs({}, { logprobs: 0, logitBias: [[1, 2]] })).toEqual(['logprobs', 'logit-bias']);
});

test('prompt length counts text, tool calls and tool definitions', () => {
  expect(chat.promptLength({ messages: [{ role: 'user', content: 'Hi' }] })).toBe(2);
  expect(
    chat.promptLength({
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'abc' },
            { ...file, type: 'blob' },
          ],
        },
        { role: 'assistant', content: '', toolCalls: [{ id: 'c', name: 'now', arguments: '{}' }] },
      ],
      tools: [{ name: 'now', description: 'Time.', parameters: '{}' }],
    }),
  ).toBe(3 + 5 + 7);
});

test('the text of a message is its text parts joined; blobs contribute nothing', () => {
  expect(messageText({ role: 'user', content: 'Hi' })).toBe('Hi');
  const content = [
    { type: 'text' as const, text: 'What is ' },
    { ...file, type: 'blob' as const },
    { type: 'text' as const, text: 'this?' },
  ];
  expect(messageText({ role: 'user', content })).toBe('What is this?');
  expect(messageText({ role: 'user', content: [] })).toBe('');
});
