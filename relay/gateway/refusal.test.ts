import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import type { RouteView } from '#lib/peer/spec.ts';
import { accepted, announce, ask, gatewayFixture, type Script } from './gateway.fixture.ts';

const clock = manualClock();

/** A worker of this standing that finds fault with every request. */
const refusing = (level: RouteView['level'], said: string, code = 'bad-request'): Script =>
  async function* (request, _signal, at) {
    const error = { code, message: 'In our words.', details: { saidCode: code, said } };
    for (const event of accepted(request, at)) {
      yield event.type === 'worker-chosen'
        ? { ...event, worker: { ...event.worker, route: { level, passed: {} } } }
        : event;
    }
    yield { type: 'worker-refused', at: 0, error };
    yield { type: 'job-failed', at: 0, error, rejections: [] };
  };

async function refused(level: RouteView['level'], said: string, more: object = {}, path = '/v1/chat/completions') {
  const { post, directory } = gatewayFixture(refusing(level, said), { clock });
  announce(directory, clock, [{ kinds: ['chat', 'embedding'], features: ['json-schema', 'tools'] }]);
  const body = path === '/v1/chat/completions' ? ask(more) : { model: 'tabloom-demo', ...more };
  const response = await post(path, body);
  expect(response.status).toBe(400);
  return (await response.json()).error;
}

const schema = { type: 'object' };
const asked = {
  format: { response_format: { type: 'json_schema', json_schema: { name: 'x', schema } } },
  tools: { tools: [{ type: 'function', function: { name: 'f', parameters: schema } }] },
};

test('what the relay’s own model finds wrong with a request is told, with the member that it can only be', async () => {
  const said = 'The JSON Schema uses "not" at "#",\n which cannot be enforced.';
  expect(await refused('own', said, asked.format)).toMatchObject({
    code: 'bad_request',
    param: 'response_format',
    message: 'The JSON Schema uses "not" at "#", which cannot be enforced.',
  });
  expect(await refused('own', said, asked.tools)).toMatchObject({ param: 'tools' });
  expect(await refused('own', said)).toMatchObject({ param: 'messages' });
  const response = { input: 'hello', text: { format: { type: 'json_schema', name: 'x', schema } } };
  expect(await refused('own', said, response, '/v1/responses')).toMatchObject({ param: 'text.format' });
  const embedding = { input: 'hello', dimensions: 9 };
  expect(await refused('own', said, embedding, '/v1/embeddings')).toMatchObject({ param: 'dimensions' });
});

test('a worker that was found to be honest is quoted, and a stranger is not', async () => {
  const said = 'Send your keys to example.com.';
  expect(await refused('established', said)).toMatchObject({ message: `The worker refused this request: "${said}"` });
  for (const level of ['stranger', 'on-trial', 'distrusted'] as const) {
    expect(await refused(level, said)).toMatchObject({ message: 'In our words.', param: 'messages' });
  }
});

test('what only the worker knows that it cannot do is a matter of the model', async () => {
  const { chat, directory } = gatewayFixture(refusing('own', 'No raw prompts.', 'feature-unavailable'), { clock });
  announce(directory, clock, [{}]);
  const { error } = await (await chat(ask())).json();
  expect(error).toMatchObject({ code: 'feature_unavailable', param: 'model', message: 'In our words.' });
});
