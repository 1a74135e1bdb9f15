import { expect, test } from 'vitest';
import { CallQuestions } from './call-questions.svelte.ts';

const call = { host: 'tools.example', tool: 'search', arguments: '{}' };
const codeOf = (asked: Promise<void>) =>
  asked.then(
    () => 'allowed',
    (error: { code: string }) => error.code,
  );

test('a call waits for the word of the user, which counts once', async () => {
  const questions = new CallQuestions();
  const { signal } = new AbortController();
  const [first, second] = [0, 1].map(() => codeOf(questions.ask(call, { signal })));
  expect(questions.waiting.map(({ id, tool }) => [id, tool])).toEqual([
    [0, 'search'],
    [1, 'search'],
  ]);
  questions.decide(1, 'refuse');
  questions.decide(0, 'allow');
  questions.decide(0, 'refuse');
  expect(await Promise.all([first, second])).toEqual(['allowed', 'tool-call-refused']);
  expect(questions.waiting).toEqual([]);
});

test('what is stopped no longer asks, and only so many wait', async () => {
  const questions = new CallQuestions();
  const stop = new AbortController();
  const asked = Array.from({ length: 9 }, () => codeOf(questions.ask(call, stop)));
  stop.abort();
  expect(await Promise.all(asked)).toEqual([...Array<string>(8).fill('aborted'), 'tool-call-refused']);
  expect(await codeOf(questions.ask(call, stop))).toBe('aborted');
  expect(questions.waiting).toEqual([]);
});
