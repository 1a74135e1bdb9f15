import assert from 'node:assert/strict';
import OpenAI, { APIUserAbortError, BadRequestError, InternalServerError, NotFoundError, RateLimitError } from 'openai';
import type { Cell, Client } from '../matrix.ts';
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

const connect = ({ baseUrl }: World, maxRetries = 0, fetch?: typeof globalThis.fetch) =>
  new OpenAI({ baseURL: baseUrl, apiKey: 'any', maxRetries, ...(fetch ? { fetch } : {}) });

const messages = [{ role: 'user' as const, content: question }];
const tools = [{ type: 'function' as const, function: weatherTool }];

const askShort = (world: World, fetch: typeof globalThis.fetch) =>
  connect(world, 2, fetch).chat.completions.create({ model: world.slowModel, messages, max_tokens: 3 });

export const openaiClient: Client = {
  name: 'openai',
  version: versionOf('openai'),
  cells: {
    async models(world) {
      const client = connect(world);
      const { data } = await client.models.list();
      assert.deepEqual(data.map(({ id }) => id).sort(), ['scripted-0', 'scripted-20']);
      assert.equal((await client.models.retrieve(world.model)).id, world.model);
    },
    async chat(world) {
      const { choices } = await connect(world).chat.completions.create({ model: world.model, messages });
      assertText(choices[0]!.message.content);
      assert.equal(choices[0]!.finish_reason, 'stop');
    },
    async stream(world) {
      const client = connect(world);
      const request = { model: world.model, messages, temperature: 0 };
      const whole = await client.chat.completions.create(request);
      const streamed = await client.chat.completions.stream(request).finalChatCompletion();
      assert.equal(streamed.choices[0]!.message.content, whole.choices[0]!.message.content);
    },
    async usage(world) {
      const stream = await connect(world).chat.completions.create({
        model: world.model,
        messages,
        stream: true,
        stream_options: { include_usage: true },
      });
      let usage: OpenAI.CompletionUsage | null | undefined;
      for await (const chunk of stream) usage = chunk.usage ?? usage;
      assertUsage(usage?.prompt_tokens, usage?.completion_tokens);
    },
    async 'tools forced'(world) {
      const { choices } = await connect(world).chat.completions.create({
        model: world.model,
        messages,
        tools,
        tool_choice: { type: 'function', function: { name: weatherTool.name } },
      });
      const call = choices[0]!.message.tool_calls?.[0];
      assert.ok(call?.type === 'function' && call.function.name === weatherTool.name);
      assertWeatherInput(JSON.parse(call.function.arguments));
    },
    async 'tools free'(world) {
      const client = connect(world);
      const asked = { model: world.model, tools };
      const called = client.chat.completions.stream({
        ...asked,
        messages: [{ role: 'user', content: questionForTool }],
      });
      const { choices } = await called.finalChatCompletion();
      assert.equal(choices[0]!.finish_reason, 'tool_calls');
      const plain = await client.chat.completions.create({ ...asked, messages });
      assert.equal(plain.choices[0]!.message.tool_calls, undefined);
      assertText(plain.choices[0]!.message.content);
    },
    async 'tool results'(world) {
      let ran = 0;
      const runner = connect(world).chat.completions.runTools({
        model: world.model,
        messages: [{ role: 'user', content: questionForTool }],
        tools: [
          {
            type: 'function',
            function: {
              ...weatherTool,
              parse: (text: string) => JSON.parse(text) as object,
              function(input: object) {
                assertWeatherInput(input);
                ran += 1;
                return 'Rain.';
              },
            },
          },
        ],
      });
      assertText(await runner.finalContent());
      assert.equal(ran, 1);
    },
    async 'JSON schema'(world) {
      const completion = await connect(world).chat.completions.parse({
        model: world.model,
        messages,
        response_format: { type: 'json_schema', json_schema: { name: 'person', strict: true, schema: personSchema } },
      });
      assertPerson(JSON.parse(completion.choices[0]!.message.content!));
    },
    async reasoning(world) {
      const { choices } = await connect(world).chat.completions.create({
        model: world.model,
        messages,
        reasoning_effort: 'low',
      });
      assertText((choices[0]!.message as { reasoning_content?: string }).reasoning_content);
    },
    async embeddings(world) {
      const { data, usage } = await connect(world).embeddings.create({ model: world.model, input: ['one', 'two'] });
      assert.deepEqual(
        data.map(({ embedding }) => embedding.length),
        [32, 32],
      );
      assert.ok(usage.prompt_tokens > 0);
    },
    async responses(world) {
      const client = connect(world);
      const asked = { model: world.model, reasoning: { effort: 'low' as const } };
      const first = await client.responses.create({
        ...asked,
        instructions: 'Be brief.',
        input: questionForTool,
        tools: [{ type: 'function', ...weatherTool, strict: true }],
      });
      assert.equal(first.status, 'completed');
      const call = first.output.find((item) => item.type === 'function_call');
      assertWeatherInput(JSON.parse(call!.arguments));
      const result = { type: 'function_call_output' as const, call_id: call!.call_id, output: 'Rain.' };
      const conversation = [{ role: 'user' as const, content: questionForTool }, ...first.output, result];
      const second = await client.responses.create({ ...asked, input: conversation as never });
      assertText(second.output_text);
      assertUsage(second.usage?.input_tokens, second.usage?.output_tokens);
      const parsed = await client.responses.parse({
        ...asked,
        input: question,
        text: { format: { type: 'json_schema', name: 'person', strict: true, schema: personSchema } },
      });
      assertPerson(parsed.output_parsed);
      const stored = await errorOf(client.responses.create({ ...asked, input: 'x', previous_response_id: first.id }));
      assert.ok(stored instanceof BadRequestError && stored.param === 'previous_response_id', String(stored));
    },
    async 'responses stream'(world) {
      const client = connect(world);
      const asked = { model: world.model, input: question, temperature: 0, reasoning: { effort: 'low' as const } };
      const whole = await client.responses.create(asked);
      const stream = client.responses.stream(asked);
      let [text, sequence] = ['', -1];
      for await (const event of stream) {
        assert.equal(event.sequence_number, ++sequence);
        if (event.type === 'response.output_text.delta') text += event.delta;
      }
      const { output_text: streamed, status } = await stream.finalResponse();
      assert.deepEqual([status, streamed, text], ['completed', whole.output_text, whole.output_text]);
      const slow = client.responses.stream({ model: world.slowModel, input: question });
      for await (const event of slow) if (event.type === 'response.output_text.delta') break;
      slow.abort();
      await world.settled(0);
    },
    async abort(world) {
      const stream = await connect(world).chat.completions.create({ model: world.slowModel, messages, stream: true });
      for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
      await world.settled(0);
      const leaving = new AbortController();
      const whole = connect(world).chat.completions.create(
        { model: world.slowModel, messages },
        { signal: leaving.signal },
      );
      await world.settled(1);
      leaving.abort();
      assert.ok((await errorOf(whole)) instanceof APIUserAbortError);
      await world.settled(0);
    },
    retries: retriesAfterBusy(askShort),
    keys: readsKeys(askShort),
    async errors(world) {
      const client = connect(world);
      const create = (more: object) =>
        errorOf(client.chat.completions.create({ model: world.model, messages, ...more } as never));
      const missing = await create({ model: 'nobody-has-this' });
      assert.ok(missing instanceof NotFoundError && missing.code === 'model_not_found' && missing.param === 'model');
      const wrong = await create({ temperature: 7 });
      assert.ok(wrong instanceof BadRequestError && wrong.param === 'temperature');
      const long = await create({ messages: [{ role: 'user', content: 'one two three '.repeat(5_000) }] });
      assert.ok(long instanceof BadRequestError && long.code === 'context_length_exceeded', String(long));
      assert.match(long.message, /maximum context length/);
      const release = await world.fill();
      const busy = await create({ model: world.slowModel });
      await release();
      assert.ok(busy instanceof RateLimitError && Number(busy.headers.get('retry-after')) >= 1, String(busy));
      const nobody = await create({ provider: { ignore: await peers(world) } });
      assert.ok(nobody instanceof InternalServerError && nobody.status === 503, String(nobody));
    },
  },
};

async function peers({ baseUrl }: World): Promise<readonly string[]> {
  const { workers } = (await (await fetch(`${baseUrl}/network`)).json()) as { workers: { peer: string }[] };
  return workers.map(({ peer }) => peer);
}

/** The first request finds every place taken; they are given back once the client has read that. */
export function retriesAfterBusy(ask: (world: World, fetch: typeof globalThis.fetch) => PromiseLike<unknown>): Cell {
  return async (world) => {
    const release = await world.fill();
    const statuses: number[] = [];
    const counting: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      statuses.push(response.status);
      if (statuses.length === 1) await release();
      return response;
    };
    await ask(world, counting);
    assert.deepEqual(statuses, [429, 200]);
  };
}

/** What each key comes to, and that no client tries again with one that will not do. */
export function readsKeys(
  ask: (world: World, fetch: typeof globalThis.fetch) => PromiseLike<unknown>,
  retries: 'as-told' | 'every-429' = 'as-told',
): Cell {
  return async (world) => {
    const send = async (key: string, origin?: string) => {
      const statuses: number[] = [];
      const keyed: typeof fetch = async (input, init) => {
        const headers = new Headers(init?.headers);
        headers.set('authorization', `Bearer ${key}`);
        if (origin !== undefined) headers.set('origin', origin);
        const response = await fetch(input, { ...init, headers });
        statuses.push(response.status);
        return response;
      };
      const outcome = await Promise.resolve(ask(world, keyed)).then(
        () => 'answered',
        () => 'refused',
      );
      return [outcome, ...statuses];
    };
    const { good, wrong, revoked, spent, ofPages } = world.keys;
    assert.deepEqual(await send(good), ['answered', 200]);
    assert.deepEqual(await send(wrong), ['refused', 401]);
    assert.deepEqual(await send(revoked), ['refused', 401]);
    assert.deepEqual(await send(ofPages, 'https://widget.example'), ['answered', 200]);
    assert.deepEqual(await send(ofPages, 'https://other.example'), ['refused', 403]);
    // A client that does not read `x-should-retry` would take seconds to give up.
    if (retries === 'as-told') assert.deepEqual(await send(spent), ['refused', 429]);
  };
}
