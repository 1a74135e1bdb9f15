import assert from 'node:assert/strict';
import createInstructor from '@instructor-ai/instructor';
import OpenAI, { NotFoundError } from 'openai';
import { z } from 'zod/v3';
import type { Client } from '../matrix.ts';
import { assertPerson, assertText, errorOf, question } from '../subjects.ts';
import { versionOf, type World } from '../world.ts';
import { readsKeys, retriesAfterBusy } from './openai.ts';

const person = z.object({ name: z.string().max(20), age: z.number().int().min(0).max(120) });

type Mode = 'TOOLS' | 'JSON_SCHEMA' | 'JSON';

function connect({ baseUrl }: World, mode: Mode, fetch?: typeof globalThis.fetch) {
  const client = new OpenAI({ baseURL: baseUrl, apiKey: 'any', maxRetries: 2, ...(fetch ? { fetch } : {}) });
  return createInstructor({ client: client as never, mode });
}

const request = ({ model }: World) => ({ model, messages: [{ role: 'user' as const, content: question }] });

const ask = (world: World, mode: Mode, more: object = {}): Promise<unknown> =>
  connect(world, mode).chat.completions.create({
    ...request(world),
    response_model: { schema: person, name: 'Person' },
    ...more,
  } as never) as Promise<unknown>;

const askShort = (world: World, fetch: typeof globalThis.fetch) =>
  connect(world, 'TOOLS', fetch).chat.completions.create({
    ...request(world),
    model: world.slowModel,
    max_tokens: 3,
  });

export const instructor: Client = {
  name: '@instructor-ai/instructor',
  version: versionOf('@instructor-ai/instructor'),
  cells: {
    models: 'instructor lists no models',
    async chat(world) {
      const { choices } = await connect(world, 'TOOLS').chat.completions.create(request(world));
      assertText(choices[0]!.message.content);
    },
    async stream(world) {
      let last: unknown;
      for await (const partial of (await ask(world, 'TOOLS', { stream: true })) as AsyncIterable<unknown>) {
        last = partial;
      }
      assertPerson(last);
    },
    usage: 'instructor hands on the object alone',
    async 'tools forced'(world) {
      assertPerson(await ask(world, 'TOOLS'));
    },
    'tools free': 'instructor forces the tool that it makes of the schema',
    'tool results': 'instructor calls no tools',
    async 'JSON schema'(world) {
      assertPerson(await ask(world, 'JSON_SCHEMA'));
    },
    reasoning: 'instructor hands on the object alone',
    embeddings: 'instructor asks for none',
    responses: 'instructor speaks chat completions',
    'responses stream': 'instructor speaks chat completions',
    async abort(world) {
      const asked = { ...request(world), model: world.slowModel, stream: true as const };
      for await (const chunk of await connect(world, 'TOOLS').chat.completions.create(asked)) {
        if (chunk.choices[0]?.delta.content) break;
      }
      await world.settled(0);
    },
    retries: retriesAfterBusy(askShort),
    keys: readsKeys(askShort),
    async errors(world) {
      const reading = async () => {
        const stream = await ask(world, 'TOOLS', { model: 'nobody-has-this', stream: true });
        for await (const _ of stream as AsyncIterable<unknown>);
      };
      const missing = await errorOf(reading());
      assert.ok(missing instanceof NotFoundError, String(missing));
    },
  },
};
