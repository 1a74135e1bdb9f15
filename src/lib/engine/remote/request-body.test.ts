import { expect, test } from 'vitest';
import type { EngineRequest } from '../spec.ts';
import { textRequest } from '../answer.ts';
import { requestBody } from './request-body.ts';

const completion = (more: object) =>
  textRequest({
    kind: 'completion',
    input: { prompt: 'Tell me. ' },
    params: { maxTokens: 16, seed: 7, ...more },
    resume: { text: 'Once', tokens: 6 },
  } as EngineRequest);

test.each(['vllm', 'llama-server', 'ollama', 'openai'] as const)(
  'a raw completion is resumed behind what was delivered, by every server: %s',
  (flavour) => {
    const { path, body } = requestBody(completion({}), { model: 'm', flavour });
    expect(path).toBe('completions');
    expect(body).toMatchObject({ prompt: 'Tell me. Once', max_tokens: 10 });
    expect(body).not.toHaveProperty('messages');
    // The same seed from the beginning would draw the delivered tokens again.
    expect(body['seed']).not.toBe(7);
  },
);

test('one with a grammar is not, since servers would begin the format anew', () => {
  const asked = completion({ responseFormat: { type: 'json-object' } });
  expect(() => requestBody(asked, { model: 'm', flavour: 'vllm' })).toThrow(
    expect.objectContaining({ code: 'resume-unsupported' }),
  );
});
