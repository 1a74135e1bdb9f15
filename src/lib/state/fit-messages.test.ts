import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ChatMessage } from '#lib/protocol/kinds/chat.ts';
import { fitMessages } from './fit-messages.ts';

const message = (role: 'user' | 'assistant', length: number): ChatMessage => ({ role, content: 'x'.repeat(length) });

test('keeps the newest that fit, starting with a question', () => {
  const messages = [
    message('user', 300),
    message('assistant', 300),
    message('user', 30),
    message('assistant', 30),
    message('user', 30),
  ];
  expect(fitMessages(messages, 256, 128)).toEqual({ messages: messages.slice(2), leftOut: 2, maxTokens: 128 });
});

test('keeps everything if there is room', () => {
  const messages = [message('user', 10), message('assistant', 10), message('user', 10)];
  expect(fitMessages(messages, 4_096, 512)).toEqual({ messages, leftOut: 0, maxTokens: 512 });
});

test('reserves half of a small context for the question', () => {
  expect(fitMessages([message('user', 10)], 512, 4_096).maxTokens).toBe(256);
});

test('always sends the last question, whatever its length', () => {
  const turns = fc.array(fc.tuple(fc.nat(2_000), fc.nat(2_000)), { maxLength: 12 });
  fc.assert(
    fc.property(turns, fc.nat(9_000), fc.integer({ min: 64, max: 4_096 }), (before, last, context) => {
      const messages = [
        ...before.flatMap(([q, a]) => [message('user', q), message('assistant', a)]),
        message('user', last),
      ];
      const fitted = fitMessages(messages, context, 512);
      expect(fitted.messages).toEqual(messages.slice(fitted.leftOut));
      expect(fitted.messages.at(-1)).toEqual(messages.at(-1));
      expect(fitted.messages[0]?.role).toBe('user');
      expect(fitted.maxTokens).toBeLessThanOrEqual(Math.max(16, context / 2));
    }),
    { seed: 11 },
  );
});

test('what was called and given for a question goes with it, and a result never without its call', () => {
  const call = { id: 'c', name: 'clock', arguments: '{}' };
  const round = (text: string): ChatMessage[] => [
    { role: 'user', content: text },
    { role: 'assistant', content: '', toolCalls: [call] },
    { role: 'tool', content: 'x'.repeat(300), toolCallId: 'c' },
  ];
  const said: ChatMessage = { role: 'assistant', content: 'Noon.' };
  const { messages, leftOut } = fitMessages([...round('Before'), said, ...round('Now')], 200, 64);
  expect(messages).toEqual(round('Now'));
  expect(leftOut).toBe(4);
});
