import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#lib/base/clock.ts';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import { remoteModel } from '#lib/engine/catalog.ts';
import { createOpenAICompatibleEngine } from '#lib/engine/openai-compatible.ts';
import type { EngineRequest } from '#lib/engine/spec.ts';
import { checkedPart } from '#lib/protocol/frame.ts';
import { misbehaviours, type Wanted } from './misbehaviours.ts';
import { createServerFetch } from '../../../relay/native/server-fetch.ts';
import { listOf, startScriptedServer, type ScriptedServer } from './scripted-server.ts';

let server: ScriptedServer;
beforeAll(async () => {
  const table = new Map(misbehaviours.map((one) => [one.name, one]));
  server = await startScriptedServer(({ path, model, attempt }, socket) => {
    if (path.endsWith('/models')) return void socket.end(listOf(...table.keys()));
    return table.get(model)!.write(socket, attempt);
  });
});
afterAll(() => server.close());

const request: EngineRequest = {
  kind: 'chat',
  input: { messages: [{ role: 'user', content: 'x' }] },
  params: { maxTokens: 20_000, temperature: 0 },
};

async function ask(model: string) {
  const engine = createOpenAICompatibleEngine({
    baseUrl: server.baseUrl,
    flavour: 'openai',
    fetch: createServerFetch(),
    clock: systemClock,
  });
  const loaded = await engine.load(remoteModel({ remoteName: model, contextTokens: 32_768 }), {});
  const outcome = { code: 'ok', text: '', reasoning: '', isEstimated: false, message: '', parts: 0 };
  let finish: object = {};
  try {
    for await (const event of loaded.doStream(request, {})) {
      if (event.type === 'finish') {
        finish = { reason: event.reason, ...event.usage };
        continue;
      }
      // Whatever the server sends, what goes on the wire is within the protocol.
      expect(checkedPart(event)).toBeDefined();
      if (event.type === 'text-delta') outcome.text += event.text;
      if (event.type === 'reasoning-delta') outcome.reasoning += event.text;
      if (event.type === 'warning') outcome.isEstimated ||= event.code === 'usage-estimated';
    }
  } catch (error) {
    outcome.code = errorCode(error);
    if (error instanceof TabloomError) Object.assign(outcome, error.details, { message: error.message });
  }
  return { ...outcome, ...finish };
}

const matching = ({ message, ...wanted }: Wanted) => ({
  isEstimated: false,
  ...wanted,
  ...(message ? { message: expect.stringMatching(message) } : {}),
});

test('there are many of them', () => {
  expect(misbehaviours.length).toBeGreaterThan(50);
  expect(new Set(misbehaviours.map(({ name }) => name)).size).toBe(misbehaviours.length);
});

test.each(misbehaviours.map((one) => [one.name, one] as const))('%s', async (name, { wanted, requests = 1 }) => {
  expect(await ask(name)).toMatchObject(matching(wanted));
  expect(server.asked.get(name)).toBe(requests);
});
