import assert from 'node:assert/strict';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import {
  APICallError,
  defaultSettingsMiddleware,
  embedMany,
  generateText,
  jsonSchema,
  Output,
  stepCountIs,
  streamText,
  tool,
  wrapLanguageModel,
} from 'ai';
import type { Client } from '../matrix.ts';
import {
  assertPerson,
  assertText,
  assertUsage,
  assertWeatherInput,
  errorOf,
  personSchema,
  question,
  questionForTool,
  weatherTool,
} from '../subjects.ts';
import { versionOf, type World } from '../world.ts';
import { readsKeys, retriesAfterBusy } from './openai.ts';

// It would print a line for each setting that a provider does not know.
Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false });

type Fetch = typeof globalThis.fetch;

/** The SDK's functions behave alike whatever provider is plugged in. */
interface Provider {
  readonly name: string;
  readonly version: string;
  model(world: World, name: string, fetch?: Fetch): Parameters<typeof generateText>[0]['model'];
  embedding(world: World): Parameters<typeof embedMany>[0]['model'];
  readonly reasoning: Parameters<typeof generateText>[0]['providerOptions'] | string;
  /** Why it does not speak responses; a provider that does is tried with them throughout. */
  readonly noResponses?: string;
}

const defaultProvider = (model: Parameters<typeof wrapLanguageModel>[0]['model']) =>
  wrapLanguageModel({
    model,
    middleware: defaultSettingsMiddleware({ settings: { providerOptions: { openai: { store: false } } } }),
  });

const weather = tool({
  description: weatherTool.description,
  inputSchema: jsonSchema<{ city: string; days: number }>(weatherTool.parameters as never),
  execute(input) {
    assertWeatherInput(input);
    return 'Rain.';
  },
});
const tools = { [weatherTool.name]: weather };

const clientOf = ({ name, version, model, embedding, reasoning, noResponses }: Provider): Client => ({
  name,
  version,
  cells: {
    models: 'the SDK lists no models',
    async chat(world) {
      const { text, finishReason } = await generateText({ model: model(world, world.model), prompt: question });
      assertText(text);
      assert.equal(finishReason, 'stop');
    },
    async stream(world) {
      const { textStream, finishReason } = streamText({ model: model(world, world.model), prompt: question });
      let text = '';
      for await (const delta of textStream) text += delta;
      assertText(text);
      assert.equal(await finishReason, 'stop');
    },
    async usage(world) {
      const result = streamText({ model: model(world, world.model), prompt: question });
      await result.consumeStream();
      const { inputTokens, outputTokens } = await result.usage;
      assertUsage(inputTokens, outputTokens);
    },
    async 'tools forced'(world) {
      const { toolCalls } = await generateText({
        model: model(world, world.model),
        prompt: question,
        tools,
        toolChoice: { type: 'tool', toolName: weatherTool.name },
      });
      assertWeatherInput(toolCalls[0]!.input);
    },
    async 'tools free'(world) {
      const asked = { model: model(world, world.model), tools };
      const called = streamText({ ...asked, prompt: questionForTool });
      await called.consumeStream();
      assert.equal((await called.toolCalls).length, 1);
      assert.equal((await generateText({ ...asked, prompt: question })).toolCalls.length, 0);
    },
    async 'tool results'(world) {
      const { text, steps } = await generateText({
        model: model(world, world.model),
        prompt: questionForTool,
        tools,
        stopWhen: stepCountIs(3),
      });
      assert.equal(steps.length, 2);
      assertText(text);
    },
    async 'JSON schema'(world) {
      const schema = jsonSchema<object>(personSchema as never);
      const { output } = await generateText({
        model: model(world, world.model),
        prompt: question,
        output: Output.object({ schema, name: 'person' }),
      });
      assertPerson(output);
    },
    reasoning:
      typeof reasoning === 'string'
        ? reasoning
        : async (world) => {
            const asked = { model: model(world, world.model), prompt: question };
            const { reasoningText, text } = await generateText({ ...asked, providerOptions: reasoning });
            assertText(reasoningText);
            assertText(text);
          },
    async embeddings(world) {
      const { embeddings } = await embedMany({ model: embedding(world), values: ['one', 'two'] });
      assert.deepEqual(
        embeddings.map(({ length }) => length),
        [32, 32],
      );
    },
    responses:
      noResponses ??
      (async (world) => {
        const { response } = await generateText({ model: model(world, world.model), prompt: question });
        assert.match(response.id, /^resp_/);
      }),
    'responses stream':
      noResponses ??
      (async (world) => {
        const { response, text } = streamText({ model: model(world, world.model), prompt: question });
        assertText(await text);
        assert.match((await response).id, /^resp_/);
      }),
    async abort(world) {
      const leaving = new AbortController();
      const { textStream } = streamText({
        model: model(world, world.slowModel),
        prompt: question,
        abortSignal: leaving.signal,
        onError: () => undefined,
      });
      for await (const delta of textStream) if (delta !== '') leaving.abort();
      await world.settled(0);
    },
    retries: retriesAfterBusy((world, fetch) =>
      generateText({ model: model(world, world.slowModel, fetch), prompt: question, maxOutputTokens: 16 }),
    ),
    keys: readsKeys(
      (world, fetch) =>
        generateText({ model: model(world, world.model, fetch), prompt: question, maxOutputTokens: 16 }),
      'every-429',
    ),
    async errors(world) {
      const ask = (name: string, more: object = {}) =>
        errorOf(generateText({ model: model(world, name), prompt: question, maxRetries: 0, ...more }));
      const missing = await ask('nobody-has-this');
      assert.ok(
        APICallError.isInstance(missing) && missing.statusCode === 404 && !missing.isRetryable,
        String(missing),
      );
      const wrong = await ask(world.model, { temperature: 7 });
      assert.ok(APICallError.isInstance(wrong) && wrong.statusCode === 400, String(wrong));
      const long = await ask(world.model, { prompt: 'one two three '.repeat(5_000) });
      assert.match(long.message, /maximum context length/);
    },
  },
});

/** The default: responses, without references to items that a server would have stored. */
export const aiSdkResponses = clientOf({
  name: 'ai + @ai-sdk/openai',
  version: versionOf('@ai-sdk/openai'),
  model: ({ baseUrl }, name, fetch) =>
    defaultProvider(createOpenAI({ baseURL: baseUrl, apiKey: 'any', ...(fetch ? { fetch } : {}) })(name as never)),
  embedding: ({ baseUrl, model }) => createOpenAI({ baseURL: baseUrl, apiKey: 'any' }).embedding(model),
  reasoning: {
    openai: { store: false, reasoningEffort: 'low', reasoningSummary: 'auto', forceReasoning: true },
  },
});

export const aiSdkChat = clientOf({
  name: 'ai + @ai-sdk/openai, chat',
  version: versionOf('@ai-sdk/openai'),
  model: ({ baseUrl }, name, fetch) =>
    createOpenAI({ baseURL: baseUrl, apiKey: 'any', ...(fetch ? { fetch } : {}) }).chat(name as never),
  embedding: ({ baseUrl, model }) => createOpenAI({ baseURL: baseUrl, apiKey: 'any' }).embedding(model),
  reasoning: 'the provider reads none from chat completions',
  noResponses: 'this provider is its form for chat completions',
});

export const aiSdkCompatible = clientOf({
  name: 'ai + @ai-sdk/openai-compatible',
  version: versionOf('@ai-sdk/openai-compatible'),
  model: ({ baseUrl }, name, fetch) =>
    createOpenAICompatible({
      name: 'tabloom',
      baseURL: baseUrl,
      supportsStructuredOutputs: true,
      includeUsage: true,
      ...(fetch ? { fetch } : {}),
    })(name),
  embedding: ({ baseUrl, model }) =>
    createOpenAICompatible({ name: 'tabloom', baseURL: baseUrl }).embeddingModel(model),
  reasoning: { tabloom: { reasoningEffort: 'low' } },
  noResponses: 'the provider speaks chat completions',
});
