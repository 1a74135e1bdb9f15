import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { remoteModel } from '../catalog.ts';
import { createOpenAICompatibleEngine } from '../openai-compatible.ts';
import { probeFeatures } from './probe.ts';

async function probe(answer: (body: Record<string, unknown>) => object) {
  const engine = createOpenAICompatibleEngine({
    baseUrl: 'http://127.0.0.1:9/v1',
    flavour: 'openai',
    clock: manualClock(),
    fetch: async (url, init) =>
      String(url).endsWith('/models')
        ? Response.json({ data: [{ id: 'm' }] })
        : Response.json({ choices: [answer(JSON.parse(String(init?.body)))] }),
  });
  const loaded = await engine.load(remoteModel({ remoteName: 'm', contextTokens: 100 }), {});
  expect(loaded.features).toEqual([]);
  return probeFeatures((request, signal) => loaded.doStream(request, { signal }), {});
}

test('features that pass the probe are listed', async () => {
  const obeys = (body: Record<string, unknown>) => {
    const json = '{"ready":true}';
    const tool_calls = [{ id: 'c', function: { name: 'report_ready', arguments: json } }];
    if (body['tools']) return { message: { content: null, reasoning: 'Hm', tool_calls }, finish_reason: 'tool_calls' };
    const logprobs = { content: [{ token: 'x', logprob: -1, top_logprobs: [{ token: 'y', logprob: -2 }] }] };
    return { message: { content: json }, logprobs, finish_reason: 'stop' };
  };
  expect(await probe(obeys)).toEqual(['reasoning', 'tools', 'json-schema', 'logprobs']);
});

test('features answered with prose, or refused, are not', async () => {
  expect(await probe(() => ({ message: { content: 'Once upon a time' }, finish_reason: 'stop' }))).toEqual([]);
  const refuses = () => {
    throw new Error('no');
  };
  expect(await probe(refuses)).toEqual([]);
});
