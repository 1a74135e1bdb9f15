import { expect, test } from 'vitest';
import { TabloomError } from '#lib/base/errors.ts';
import { askValues, type Values } from './ask.ts';
import type { FoundServer } from './find-servers.ts';
import { scriptedPrompter } from './prompter.fixture.ts';

const ollama: FoundServer = {
  baseUrl: 'http://127.0.0.1:11434/v1/',
  label: 'Ollama',
  models: ['qwen3:8b', 'gemma3:4b'],
};
const vllm: FoundServer = { baseUrl: 'http://127.0.0.1:8000/v1/', label: 'vLLM', models: ['org/model'] };

const ask = (given: Values, answers: readonly unknown[], found: readonly FoundServer[] = [ollama, vllm]) => {
  const prompter = scriptedPrompter(answers);
  const lookAt = async (baseUrl: string) => {
    const server = [ollama, vllm, relay].find((one) => one.baseUrl === baseUrl);
    if (!server) throw new TabloomError('load-failed', 'It is away.');
    return server;
  };
  return { prompter, asked: askValues(given, { prompter, find: async () => found, lookAt }) };
};
const relay: FoundServer = { baseUrl: 'http://127.0.0.1:8080/v1/', label: 'a relay', models: [] };

test('a provider shares the models that are chosen, and no other', async () => {
  const chosen = [`${ollama.baseUrl} gemma3:4b`, `${vllm.baseUrl} org/model`];
  const { prompter, asked } = ask({}, ['provide', 'here', chosen, 'wss://relay.example', '4']);
  expect(await asked).toEqual({
    role: 'provide',
    values: {
      NATIVE_SERVER: 'http://127.0.0.1:11434/v1/,http://127.0.0.1:8000/v1/',
      NATIVE_MODELS: 'gemma3:4b,org/model',
      RELAYS: 'wss://relay.example',
      NATIVE_SLOTS: '4',
    },
  });
  expect(prompter.asked).toMatchInlineSnapshot(`
    [
      "What shall this machine be?",
      "Where are the models?",
      "Which models may others use?",
      "Which relays shall it join?",
      "How many answers of a model at once?",
    ]
  `);
});

test('a relay without models', async () => {
  const { asked } = ask({}, ['relay', 'none', '0.0.0.0'], []);
  expect(await asked).toEqual({ role: 'relay', values: { NATIVE: 'off', HOST: '0.0.0.0' } });
});

test('the bundled model is a choice too', async () => {
  const { asked } = ask({}, ['provide', 'bundled', 'ws://localhost:8080']);
  expect(await asked).toEqual({ role: 'provide', values: { RELAYS: 'ws://localhost:8080' } });
});

test('an address is asked for until a model server answers there', async () => {
  const addresses = ['http://gone.example', 'http://127.0.0.1:8080', 'http://127.0.0.1:8000'];
  const { prompter, asked } = ask({ RELAYS: 'ws://a' }, [
    'provide',
    'address',
    ...addresses,
    [`${vllm.baseUrl} org/model`],
    '8',
  ]);
  expect((await asked).values).toMatchObject({ NATIVE_SERVER: vllm.baseUrl, NATIVE_MODELS: 'org/model' });
  expect(prompter.said).toEqual([expect.stringContaining('load-failed'), 'That is a relay, not a model server.']);
});

test('what is given is not asked for', async () => {
  const given = {
    INIT_ROLE: 'provide',
    RELAYS: 'ws://a',
    NATIVE_SERVER: 'http://127.0.0.1:8000',
    NATIVE_MODELS: '*',
    NATIVE_SLOTS: '2',
  };
  const { prompter, asked } = ask(given, []);
  expect((await asked).values).toEqual(given);
  expect(prompter.asked).toEqual([]);
});

test('of a server that is given the models are still chosen', async () => {
  const given = { INIT_ROLE: 'relay', NATIVE_SERVER: 'http://127.0.0.1:8000', HOST: '::' };
  const { asked } = ask(given, [[`${vllm.baseUrl} org/model`], '8']);
  expect((await asked).values).toMatchObject({ NATIVE_MODELS: 'org/model', NATIVE_SERVER: vllm.baseUrl });
});

test('answers are checked like the settings that they become', async () => {
  const { asked } = ask({ INIT_ROLE: 'provide', BACKENDS: 'b.json' }, ['relay.example']);
  await expect(asked).rejects.toThrow(/"relay.example" is no relay/);
});
