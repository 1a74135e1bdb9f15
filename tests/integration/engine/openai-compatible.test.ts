import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import { remoteModel } from '#lib/engine/catalog.ts';
import { listServerModels } from '#lib/engine/remote/list-models.ts';
import { createOpenAICompatibleEngine } from '#lib/engine/openai-compatible.ts';
import { engineCases, type EngineSubject } from '../../compliance/engine.ts';
import { startOpenAIServer, type OpenAIServer } from './openai-server.ts';

let server: OpenAIServer;
beforeAll(async () => {
  server = await startOpenAIServer();
});
afterAll(() => server.close());

const createEngine = (path = '') =>
  createOpenAICompatibleEngine({
    baseUrl: server.baseUrl + path,
    flavour: 'llama-server',
    fetch: globalThis.fetch,
    clock: systemClock,
    slots: 2,
  });
const model = remoteModel({ remoteName: 'scripted-0', contextTokens: 256 });

const subject: EngineSubject = {
  createEngine: () => createEngine(),
  model,
  bad: { model: remoteModel({ remoteName: 'nothing', contextTokens: 256 }), code: 'model-unknown' },
  resume: 'exact',
  context: 'counted',
  kinds: ['chat', 'completion'],
};

describe('openai-compatible keeps the engine contract', () => {
  for (const { name, run } of engineCases) test(name, () => run(subject));
});

describe('openai-compatible over a real socket', () => {
  test('lists the models of the server', async () => {
    const listed = await listServerModels({ baseUrl: server.baseUrl, fetch, clock: systemClock });
    expect(listed).toEqual([{ name: 'scripted-0', flavour: 'openai' }]);
  });

  test('closes the connection when the reader leaves', async () => {
    const loaded = await createEngine().load(model, {});
    const before = server.broken.count;
    const params = { maxTokens: 200, temperature: 0 };
    for await (const event of loaded.doStream(
      { kind: 'chat', input: { messages: [{ role: 'user', content: 'x' }] }, params },
      {},
    )) {
      if (event.type === 'text-delta') break;
    }
    await expect.poll(() => server.broken.count).toBe(before + 1);
  });

  test('is not sent elsewhere by a redirect', async () => {
    const refused = createEngine('/elsewhere').load(model, {});
    expect(await refused.then(() => 'loaded', errorCode)).toBe('load-failed');
  });
});
