import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { concatBytes } from '#lib/base/bytes.ts';
import { emptyOutput, foldOutput, hasContent, partLength, partTokens, vectorMime } from './output.ts';
import type { Part } from './part.ts';

const fold = (...parts: Part[]) => parts.reduce(foldOutput, emptyOutput);
const text = (content: string, tokens = 1): Part => ({ type: 'text-delta', text: content, tokens });
const call = (index: number, args: string, begin: { id?: string; name?: string } = {}): Part => ({
  type: 'tool-call-delta',
  index,
  arguments: args,
  tokens: 1,
  ...begin,
});
const data = (index: number, ...bytes: number[]): Part => ({
  type: 'data-delta',
  index,
  mime: 'image/png',
  bytes: Uint8Array.from(bytes),
});

test('text and reasoning accumulate separately with a common token count; a warning is no output', () => {
  const thought: Part = { type: 'reasoning-delta', text: 'Hm.', tokens: 2 };
  const warning: Part = { type: 'warning', code: 'seed-ignored', message: 'No seed here.' };
  expect(fold(thought, text('So'), warning, text(':', 3))).toEqual({
    ...emptyOutput,
    text: 'So:',
    reasoning: 'Hm.',
    tokens: 6,
    reasoningTokens: 2,
  });
  expect(fold(warning)).toBe(emptyOutput);
});

test('calls accumulate by index; a fragment of a call not started is dropped, but its tokens count', () => {
  const output = fold(
    call(0, '{"a"', { id: 'x', name: 'f' }),
    call(2, '{}', { id: 'z', name: 'late' }),
    call(1, '', { id: 'y', name: 'g' }),
    call(0, ':1}', { id: 'other', name: 'other' }),
    call(2, '{}', { id: 'z' }),
  );
  expect(output.toolCalls).toEqual([
    { id: 'x', name: 'f', arguments: '{"a":1}' },
    { id: 'y', name: 'g', arguments: '' },
  ]);
  expect(output.tokens).toBe(5);
});

test('files and vectors accumulate by index', () => {
  expect(fold(data(0, 1), data(1, 2), data(0, 3), data(3, 4)).data).toEqual([
    { mime: 'image/png', chunks: [Uint8Array.of(1), Uint8Array.of(3)] },
    { mime: 'image/png', chunks: [Uint8Array.of(2)] },
  ]);
  const vector: Part = { type: 'embedding', index: 0, vector: new Uint8Array(8) };
  expect(fold(vector).data).toEqual([{ mime: vectorMime, chunks: [new Uint8Array(8)] }]);
});

test('log-probabilities are kept in order', () => {
  const of = (token: string): Part => ({ type: 'logprobs', items: [{ token, logprob: -1, top: [] }] });
  expect(fold(of('a'), text('ab'), of('b')).logprobs.map(({ token }) => token)).toEqual(['a', 'b']);
});

test('the fold does not depend on how the stream was split', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.uint8Array({ minLength: 1 }), fc.nat(), (words, bytes, at) => {
      const [cut, byte] = [at % (words.length + 1), at % bytes.length];
      const pieces = fold(
        text(words.slice(0, cut), 1),
        data(0, ...bytes.slice(0, byte)),
        text(words.slice(cut), 2),
        data(0, ...bytes.slice(byte)),
      );
      expect(pieces).toMatchObject({ text: words, tokens: 3 });
      expect(concatBytes(...pieces.data[0]!.chunks)).toEqual(bytes);
    }),
    { seed: 1, numRuns: 200 },
  );
});

test('length, tokens and bytes of a part', () => {
  const bringing: readonly (readonly [Part, number, number, boolean])[] = [
    [text('ab', 3), 2, 3, true],
    [text('', 0), 0, 0, false],
    [text('', 1), 0, 1, true],
    [{ type: 'reasoning-delta', text: 'abc', tokens: 1 }, 3, 1, true],
    [call(0, '{}'), 2, 1, true],
    [data(0, 1), 0, 0, true],
    [{ type: 'embedding', index: 0, vector: new Uint8Array(4) }, 0, 0, true],
    [{ type: 'logprobs', items: [{ token: 'a', logprob: 0, top: [] }] }, 0, 0, false],
    [{ type: 'warning', code: 'a', message: 'b' }, 0, 0, false],
  ];
  for (const [part, length, tokens, content] of bringing) {
    expect([partLength(part), partTokens(part), hasContent(part)]).toEqual([length, tokens, content]);
  }
});
