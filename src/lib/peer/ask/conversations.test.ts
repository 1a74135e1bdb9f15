import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import type { AskRequest } from '../spec.ts';
import { createConversations } from './conversations.ts';

const asking = (...texts: readonly string[]): AskRequest =>
  ({
    model: 'any',
    kind: 'chat',
    input: {
      messages: texts.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content })),
    },
    params: { maxTokens: 64 },
    tier: 'open',
  }) as AskRequest;

test('the worker of the last answer is known for the next question, and for no other conversation', () => {
  const conversations = createConversations(manualClock());
  conversations.note(asking('Hello'), 'A');
  conversations.note(asking('Hello', 'Hi', 'Who are you?'), 'B');
  expect(conversations.worker(asking('Hello'))).toBeUndefined();
  expect(conversations.worker(asking('Hello', 'Hi', 'Who are you?'))).toBe('A');
  expect(conversations.worker(asking('Hello', 'Hi', 'Who are you?', 'A loom.', 'Since when?'))).toBe('B');
  expect(conversations.worker(asking('Hello!', 'Hi', 'Who are you?'))).toBeUndefined();
});

test('it is forgotten after ten minutes, and not more than so many are kept', async () => {
  const clock = manualClock();
  const conversations = createConversations(clock);
  conversations.note(asking('Hello'), 'A');
  await clock.advance(9 * 60_000);
  expect(conversations.worker(asking('Hello', 'Hi', 'x'))).toBe('A');
  await clock.advance(60_000);
  expect(conversations.worker(asking('Hello', 'Hi', 'x'))).toBeUndefined();
  for (let i = 0; i < 2_000; i++) conversations.note(asking(`question ${i}`), 'A');
  expect(conversations.worker(asking('question 0', 'Hi', 'x'))).toBeUndefined();
  expect(conversations.worker(asking('question 1999', 'Hi', 'x'))).toBe('A');
});
