import { expect, test } from 'vitest';
import { errorCode } from '#lib/base/errors.ts';
import type { ScoreRequest, TextRequest } from '#lib/engine/spec.ts';
import type { Wllama } from '@wllama/wllama/esm/index.js';
import { scoreWllama } from './score.ts';

const prompt: TextRequest = { kind: 'completion', input: { prompt: 'Once' }, params: { maxTokens: 8 } };
/** Ids and what they read as; the last is half a character. */
const words = [' upon', ' a', ' time', '\ufffd'];
const end = 50;

/** A stub of the package that counts a token for each space and one for the first word. */
function stub(change: { readonly splits?: string; readonly fails?: string } = {}) {
  const asked: string[] = [];
  const createCompletion = async ({ prompt: text, logit_bias: [[id]] }: { prompt: string; logit_bias: [[number]] }) => {
    asked.push(text);
    if (change.fails) throw new Error(change.fails);
    const shown = id < words.length || id === end ? id : 0;
    const top_logprobs = [{ id: 0, logprob: -0.1 }];
    const content = [{ id: shown, token: words[shown] ?? '', logprob: id === 0 ? -0.1 : -2, top_logprobs }];
    const prompt_tokens = text.split(' ').length + (change.splits && text.includes(change.splits) ? 1 : 0);
    return { choices: [{ logprobs: { content } }], usage: { prompt_tokens } };
  };
  const wllama = { createCompletion, getEOT: () => end, getEOS: () => -1 } as unknown as Wllama;
  const score = (
    request: Omit<ScoreRequest, 'prompt'> & { readonly prompt?: ScoreRequest['prompt'] },
    signal = new AbortController().signal,
  ) => scoreWllama({ prompt, ...request }, { wllama, contextTokens: 16, template: 'chatml', signal });
  return { asked, score, codeOf: (...given: Parameters<typeof score>) => score(...given).then(() => 'ok', errorCode) };
}

test('each position is read behind the text of those before it, and the end last', async () => {
  const { asked, score } = stub();
  expect(await score({ answer: [0, 1], text: 'upon a', ending: 'stop' })).toEqual([
    { logprob: -0.1, best: -0.1 },
    { logprob: -2, best: -0.1 },
    { logprob: -2, best: -0.1 },
  ]);
  expect(asked).toEqual(['Once', 'Once upon', 'Once upon a']);
});

test('text that reads as other tokens is not guessed at', async () => {
  expect(await stub({ splits: ' upon a' }).codeOf({ answer: [0, 1, 2] })).toBe('score-unsupported');
  expect(await stub().codeOf({ answer: [3, 1] })).toBe('score-unsupported');
  expect(await stub().codeOf({ prompt: [1, 2], answer: [1] })).toBe('score-unsupported');
  expect(await stub({ fails: 'invalid UTF-8' }).codeOf({ answer: [1] })).toBe('score-unsupported');
});

test('what the model or its context does not have is refused', async () => {
  expect(await stub().codeOf({ answer: [9] })).toBe('bad-request');
  expect(await stub().codeOf({ answer: [0, 1], text: 'upon the' })).toBe('bad-request');
  expect(await stub().codeOf({ answer: Array.from({ length: 16 }, () => 0) })).toBe('too-long');
  expect(await stub({ fails: 'Context size has been exceeded.' }).codeOf({ answer: [0] })).toBe('too-long');
  expect(await stub().codeOf({ answer: [0] }, AbortSignal.abort())).toBe('aborted');
});
