import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { health } from './http.ts';
import { startRelay, type RelayProcess } from '../../fixtures/relay-process.ts';
import { startEndlessServer } from '../bridge/scripted-server.ts';

/** The client most programs use, unchanged but for its base URL. */
let relay: RelayProcess;
let client: OpenAI;
beforeAll(async () => {
  relay = await startRelay({ native: 'with-native' });
  client = clientOf(relay);
});
afterAll(() => relay?.dispose());

const clientOf = ({ url }: RelayProcess) => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'not-needed', maxRetries: 0 });

const request = {
  model: 'tabloom-demo',
  temperature: 0,
  messages: [{ role: 'user' as const, content: 'What is Tabloom?' }],
};

describe('the openai client', () => {
  test('lists the models', async () => {
    const { data } = await client.models.list();
    expect(data.map(({ id }) => id)).toEqual(['tabloom-demo']);
  });

  test('B5: lists them under a base URL without /v1 too', async () => {
    const bare = new OpenAI({ baseURL: relay.url, apiKey: 'not-needed', maxRetries: 0 });
    expect((await bare.models.list()).data.map(({ id }) => id)).toEqual(['tabloom-demo']);
  });

  test('B4: is told of a conversation past the context in the words it looks for', async () => {
    const long = Array.from({ length: 90 }, () => ({ role: 'user' as const, content: 'one two three four five six' }));
    const error = await client.chat.completions.create({ ...request, messages: long }).catch((thrown) => thrown);
    expect(error).toMatchObject({ status: 400, code: 'context_length_exceeded' });
    expect(error.message).toContain('maximum context length');
  });

  test('streams the text that it gets whole', async () => {
    const whole = await client.chat.completions.create(request);
    const stream = await client.chat.completions.create({
      ...request,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let usage: OpenAI.CompletionUsage | null | undefined;
    let reason: string | null | undefined;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      reason = chunk.choices[0]?.finish_reason ?? reason;
      usage = chunk.usage ?? usage;
    }
    expect(text).toBe(whole.choices[0]!.message.content);
    expect(reason).toBe('stop');
    expect(usage).toEqual(whole.usage);
  });

  test('throws its own typed errors for ours', async () => {
    await expect(client.chat.completions.create({ ...request, model: 'nobody-has-this' })).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
    });
    await expect(client.chat.completions.create({ ...request, messages: [] })).rejects.toMatchObject({ status: 400 });
  });

  test('stops the engine when it walks away', async () => {
    const endless = await startEndlessServer();
    const bridge = await startRelay({ native: 'with-native', env: { NATIVE_SERVER: endless.baseUrl } });
    try {
      const client = clientOf(bridge);
      const stream = await client.chat.completions.create({ ...request, model: 'auto', stream: true });
      for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
      await endless.left;
      await expect.poll(async () => (await health(bridge.url)).jobs.cancelled).toBe(1);
    } finally {
      await bridge.dispose();
      await endless.close();
    }
  });
});
