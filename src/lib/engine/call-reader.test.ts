import { expect, test } from 'vitest';
import { foldOutput, emptyOutput } from '#lib/protocol/output.ts';
import { createCallReader } from './call-reader.ts';

const call = (name: string, given: string) => `<tool_call>\n{"name": "${name}", "arguments": ${given}}\n</tool_call>`;

/** The reader's output for a text split into pieces of `size` characters, one token each. */
function readIn(size: number, text: string, delivered = '') {
  const reader = createCallReader({ idOf: (index) => `id${index}` });
  reader.push({ text: delivered, tokens: 0 });
  const pieces = text.match(new RegExp(`.{1,${size}}`, 'gsu')) ?? [];
  const deltas = [
    ...pieces.flatMap((piece, index) => reader.push({ text: piece, tokens: 1, ids: [index] })),
    ...reader.flush(),
  ].map(({ part }) => part);
  const output = deltas.reduce(foldOutput, emptyOutput);
  expect(output.tokens).toBe(pieces.length);
  expect(deltas.flatMap((part) => part.ids ?? [])).toEqual(pieces.map((_, index) => index));
  return { text: output.text, calls: output.toolCalls, whole: reader.calls, first: deltas[0] };
}

const weather = String.raw`{"city": "Bonn \"}{\\", "days": [1, {"a": 2}]}`;

test.each([1, 2, 3, 7, 400])('complete calls are read from pieces of %i characters', (size) => {
  const text = `Let me see <b>.\n${call('get', weather)}\n${call('now', '{}')}`;
  expect(readIn(size, text)).toMatchObject({
    text: 'Let me see <b>.\n',
    whole: 2,
    calls: [
      { id: 'id0', name: 'get', arguments: weather },
      { id: 'id1', name: 'now', arguments: '{}' },
    ],
  });
});

test('text that only resembles a marker stays text', () => {
  for (const text of ['a <tool_cal b', '<<tool_', 'x <tool_call', '<table>']) {
    expect(readIn(1, text)).toMatchObject({ text, calls: [], whole: 0 });
  }
});

test('a truncated call is not complete, and all its tokens are counted', () => {
  const text = call('get', weather);
  for (let length = 1; length < text.length; length++) {
    const { whole, calls } = readIn(3, text.slice(0, length));
    expect(whole).toBe(0);
    expect(weather.startsWith(calls[0]?.arguments ?? '')).toBe(true);
  }
});

test('a started call continues under its index without repetition', () => {
  const text = call('get', weather);
  const { first, whole } = readIn(3, text.slice(60), text.slice(0, 60));
  expect(first).toMatchObject({ type: 'tool-call-delta', index: 0 });
  expect(first).not.toHaveProperty('name');
  expect(whole).toBe(1);
});

test('text after a marker that is not a call is released promptly', () => {
  const text = `<tool_call>${'x'.repeat(2_000)}`;
  expect(readIn(5, text)).toMatchObject({ text, calls: [], whole: 0 });
});
