import assert from 'node:assert/strict';
import { HumanMessage, ToolMessage } from '@langchain/core/messages';
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';
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
  new ChatOpenAI({ model, apiKey: 'any', maxRetries: 0, configuration: { baseURL: baseUrl }, ...more });
const tools = [{ type: 'function' as const, function: weatherTool }];

const askShort = (world: World, fetch: typeof globalThis.fetch) =>
  connect(world, {
    model: world.slowModel,
    maxRetries: 2,
    maxTokens: 3,
    configuration: { baseURL: world.baseUrl, fetch },
  }).invoke(question);

export const langchain: Client = {
  name: '@langchain/openai',
  version: versionOf('@langchain/openai'),
  cells: {
    models: 'LangChain lists no models',
    async chat(world) {
      assertText((await connect(world).invoke(question)).text);
    },
    async stream(world) {
      let text = '';
      for await (const chunk of await connect(world).stream(question)) text += chunk.text;
      assertText(text);
    },
    async usage(world) {
      const { usage_metadata: usage } = await connect(world).invoke(question);
      assertUsage(usage?.input_tokens, usage?.output_tokens);
    },
    async 'tools forced'(world) {
      const bound = connect(world).bindTools(tools, { tool_choice: 'required' });
      assertWeatherInput((await bound.invoke(question)).tool_calls![0]!.args);
    },
    async 'tools free'(world) {
      const bound = connect(world).bindTools(tools);
      assertWeatherInput((await bound.invoke(questionForTool)).tool_calls![0]!.args);
      assert.equal((await bound.invoke(question)).tool_calls!.length, 0);
    },
    async 'tool results'(world) {
      const bound = connect(world).bindTools(tools);
      const asked = new HumanMessage(questionForTool);
      const called = await bound.invoke([asked]);
      const result = new ToolMessage({ content: 'Rain.', tool_call_id: called.tool_calls![0]!.id! });
      assertText((await bound.invoke([asked, called, result])).text);
    },
    async 'JSON schema'(world) {
      const structured = connect(world).withStructuredOutput(personSchema, { name: 'person', method: 'jsonSchema' });
      assertPerson(await structured.invoke(question));
    },
    async reasoning(world) {
      const { additional_kwargs: more } = await connect(world, { modelKwargs: { reasoning_effort: 'low' } }).invoke(
        question,
      );
      assertText(more['reasoning_content'] as string | undefined);
    },
    async embeddings(world) {
      const { baseUrl, model } = world;
      const embeddings = new OpenAIEmbeddings({ model, apiKey: 'any', configuration: { baseURL: baseUrl } });
      assert.equal((await embeddings.embedDocuments(['one', 'two']))[1]!.length, 32);
    },
    async responses(world) {
      const llm = connect(world, { useResponsesApi: true, zdrEnabled: true });
      const bound = llm.bindTools(tools);
      const asked = new HumanMessage(questionForTool);
      const called = await bound.invoke([asked]);
      const { id, args } = called.tool_calls![0]!;
      assertWeatherInput(args);
      const result = new ToolMessage({ content: 'Rain.', tool_call_id: id! });
      assertText((await bound.invoke([asked, called, result])).text);
      const structured = llm.withStructuredOutput(personSchema, { name: 'person', method: 'jsonSchema' });
      assertPerson(await structured.invoke(question));
    },
    async 'responses stream'(world) {
      let text = '';
      const llm = connect(world, { useResponsesApi: true });
      for await (const chunk of await llm.stream(question)) text += chunk.text;
      assertText(text);
    },
    async abort(world) {
      const leaving = new AbortController();
      const reading = async () => {
        const stream = await connect(world, { model: world.slowModel }).stream(question, { signal: leaving.signal });
        for await (const chunk of stream) if (chunk.text !== '') leaving.abort();
      };
      await errorOf(reading());
      await world.settled(0);
    },
    retries: retriesAfterBusy(askShort),
    keys: readsKeys(askShort),
    async errors(world) {
      const missing = await errorOf(connect(world, { model: 'nobody-has-this' }).invoke(question));
      assert.equal(missing.status, 404);
      assert.equal(missing.lc_error_code, 'MODEL_NOT_FOUND');
      const wrong = await errorOf(connect(world, { temperature: 7 }).invoke(question));
      assert.equal(wrong.status, 400);
      const long = await errorOf(connect(world).invoke('one two three '.repeat(5_000)));
      assert.equal(long.name, 'ContextOverflowError', String(long));
    },
  },
};
