import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTextTemplate } from './text-template.ts';

const chunk = (content: string, id = 'x') =>
  JSON.stringify({ id, choices: [{ index: 0, delta: { content }, finish_reason: null }] });
const python = (content: string) => chunk(content).replaceAll('":', '": ').replaceAll(',"', ', "');

const anyText = fc.oneof(fc.string({ maxLength: 12 }), fc.constantFrom('"', '\\', '\n', 'é', '😀', '\ud83d', '"},{"'));

test.each([chunk, python])('what differs in its text alone is read as JSON would read it', (write) => {
  fc.assert(
    fc.property(anyText, anyText, (first, text) => {
      const template = createTextTemplate();
      template.learn(write(first), first);
      const read = template.read(write(text));
      const { choices } = JSON.parse(write(text)) as { choices: [{ delta: { content: string } }] };
      // Quotes within the text are left to the parser where they stand for anything else.
      if (read !== undefined) expect(read).toBe(choices[0].delta.content);
      if (!/[":,]/.test(first + text)) expect(read).toBe(choices[0].delta.content);
    }),
    { seed: 3 },
  );
});

test('nothing else is read', () => {
  const template = createTextTemplate();
  expect(template.read(chunk('a'))).toBeUndefined();
  template.learn(chunk('a'), 'a');
  const others = [
    chunk('a', 'y'),
    chunk('a').replace('"finish_reason":null', '"finish_reason":"stop"'),
    chunk('a').replace('"content":"a"', '"content":"a","role":"x"'),
    chunk('a').replace('"content":"a"', '"content":"a\u0001"'),
    chunk('a').replace('"content":"a"', String.raw`"content":"\x"`),
    chunk('a').slice(0, -4),
    '[DONE]',
  ];
  for (const data of others) expect(template.read(data)).toBeUndefined();
  expect(template.read(chunk('b'))).toBe('b');
});

test('a chunk with two members of that name, or whose text is written otherwise, teaches nothing', () => {
  const template = createTextTemplate();
  for (const data of [
    `{"content":"a","delta":{"content":"a"}}`,
    String.raw`{"delta":{"content":"\u0061"}}`,
    `{"delta":{"content":null}}`,
  ]) {
    template.learn(data, 'a');
    expect(template.read(data)).toBeUndefined();
  }
});

test('a server whose chunks are all different is not compared for ever', () => {
  const template = createTextTemplate();
  for (let i = 0; i < 17; i++) template.learn(chunk('a', String(i)), 'a');
  expect(template.read(chunk('a', '16'))).toBeUndefined();
});
