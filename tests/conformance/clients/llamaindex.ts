import assert from 'node:assert/strict';
import { OpenAI, OpenAIEmbedding, OpenAIResponses } from '@llamaindex/openai';
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

const connect = ({ baseUrl, model }: World, more: object = {}) =>
  new OpenAI({ model, apiKey: 'any', baseURL: baseUrl, maxRetries: 0, ...more });
const connectResponses = ({ baseUrl, model }: World) =>
  new OpenAIResponses({ model, apiKey: 'any', baseURL: baseUrl, maxRetries: 0, store: false });
const messages = [{ role: 'user' as const, content: question }];
const tools = [{ metadata: weatherTool as never, call: () => 'Rain.' }];

const askShort = (world: World, fetch: typeof globalThis.fetch) =>
  connect(world, {
    model: world.slowModel,
    maxRetries: 2,
    maxTokens: 3,
    additionalSessionOptions: { fetch },
  }).chat({ messages });

export const llamaindex: Client = {
  name: '@llamaindex/openai',
  version: versionOf('@llamaindex/openai'),
  cells: {
    models: 'LlamaIndex lists no models',
    async chat(world) {
      assertText((await connect(world).chat({ messages })).message.content as string);
    },
    async stream(world) {
      let text = '';
      for await (const { delta } of await connect(world).chat({ messages, stream: true })) text += delta;
      assertText(text);
    },
    async usage(world) {
      const { raw } = await connect(world).chat({ messages });
      const { usage } = raw as { usage: { prompt_tokens: number; completion_tokens: number } };
      assertUsage(usage.prompt_tokens, usage.completion_tokens);
    },
    async 'tools forced'(world) {
      const llm = connect(world, { additionalChatOptions: { tool_choice: 'required' } });
      const { message } = await llm.chat({ messages, tools });
      assertWeatherInput(JSON.parse((message.options as { toolCall: { input: string }[] }).toolCall[0]!.input));
    },
    async 'tools free'(world) {
      const asked = [{ role: 'user' as const, content: questionForTool }];
      const { message } = await connect(world).chat({ messages: asked, tools });
      assertWeatherInput(JSON.parse((message.options as { toolCall: { input: string }[] }).toolCall[0]!.input));
    },
    async 'tool results'(world) {
      const asked = { role: 'user' as const, content: questionForTool };
      const { message } = await connect(world).chat({ messages: [asked], tools });
      const { id } = (message.options as { toolCall: { id: string }[] }).toolCall[0]!;
      const result = {
        role: 'user' as const,
        content: 'Rain.',
        options: { toolResult: { id, result: 'Rain.', isError: false } },
      };
      const answer = await connect(world).chat({ messages: [asked, message, result] as never, tools });
      assertText(answer.message.content as string);
    },
    async 'JSON schema'(world) {
      const responseFormat = {
        type: 'json_schema',
        json_schema: { name: 'person', strict: true, schema: personSchema },
      } as const;
      const { message } = await connect(world).chat({ messages, responseFormat });
      assertPerson(JSON.parse(message.content as string));
    },
    reasoning: 'LlamaIndex reads none from chat completions',
    async embeddings(world) {
      const embedding = new OpenAIEmbedding({ model: world.model, apiKey: 'any', baseURL: world.baseUrl });
      assert.equal((await embedding.getTextEmbeddings(['one', 'two']))[1]!.length, 32);
    },
    async responses(world) {
      const { message } = await connectResponses(world).chat({ messages });
      assertText(message.content as string);
      const asked = [{ role: 'user' as const, content: questionForTool }];
      const called = await connectResponses(world).chat({ messages: asked, tools });
      assert.ok(called.message.options && 'toolCall' in called.message.options);
    },
    async 'responses stream'(world) {
      let text = '';
      for await (const { delta } of await connectResponses(world).chat({ messages, stream: true })) text += delta;
      assertText(text);
    },
    abort: 'LlamaIndex takes no signal, and reads on when its stream is left',
    retries: retriesAfterBusy(askShort),
    keys: readsKeys(askShort),
    async errors(world) {
      const missing = await errorOf(connect(world, { model: 'nobody-has-this' }).chat({ messages }));
      assert.equal(missing.status, 404);
      const long = [{ role: 'user' as const, content: 'one two three '.repeat(5_000) }];
      const tooLong = await errorOf(connect(world).chat({ messages: long }));
      assert.equal(tooLong.code, 'context_length_exceeded');
    },
  },
};
