import { describe, expect, test } from 'vitest';
import { wireErrors } from '#lib/protocol/errors.ts';
import { openAIErrorBodySchema } from '#lib/protocol/openai.ts';
import { answers, ask, failed, gatewayFixture } from './gateway.fixture.ts';
import { gatewayLimits } from './limits.ts';

const errorOf = async (response: Response) => {
  const { error } = openAIErrorBodySchema.parse(await response.json());
  return { status: response.status, code: error.code, type: error.type, param: error.param, message: error.message };
};

const picture = (url: string | null) => ({ role: 'user', content: [{ type: 'image_url', image_url: { url } }] });
const codeOf = (code: string) => (code === 'too-long' ? 'context_length_exceeded' : code.replaceAll('-', '_'));

describe('errors', () => {
  test.each([
    ['no messages', { model: 'tabloom-demo' }, 'messages'],
    ['an empty conversation', { ...ask(), messages: [] }, 'messages'],
    ['a made-up role', ask({ messages: [{ role: 'boss', content: '' }] }), 'messages.0.role'],
    ['a picture elsewhere', ask({ messages: [picture('https://x.example/a.png')] }), 'messages.0.content.0.image_url'],
    ['a picture without an address', ask({ messages: [picture(null)] }), 'messages.0.content.0.image_url'],
    ['sound', ask({ messages: [{ role: 'user', content: [{ type: 'input_audio' }] }] }), 'messages.0.content'],
    ['no model', { messages: [{ role: 'user', content: '' }] }, 'model'],
    ['a temperature out of range', ask({ temperature: 3 }), 'temperature'],
    ['less than no token', ask({ max_tokens: -2 }), 'max_tokens'],
    ['more tokens than an answer may have', ask({ max_completion_tokens: 1e6 }), 'max_completion_tokens'],
    ['a fifth stop sequence', ask({ stop: ['a', 'b', 'c', 'd', 'e'] }), 'stop'],
    ['a stream that is a word', ask({ stream: 'yes' }), 'stream'],
    ['two answers', ask({ n: 2 }), 'n'],
    ['a stop sequence that is too long', ask({ stop: ['x'.repeat(300)] }), 'stop.0'],
    ['a wrong extension', ask({ tabloom: { tier: 7 } }), 'tabloom.tier'],
    ['a list for a body', [], 'body'],
    ['null for a body', null, 'body'],
  ])('%s is 400', async (_name, body, param) => {
    const { chat, asked } = gatewayFixture();
    expect(await errorOf(await chat(body as object))).toMatchObject({
      status: 400,
      code: 'bad_request',
      type: 'invalid_request_error',
      param,
    });
    expect(asked).toEqual([]);
  });

  test('what is not JSON', async () => {
    const { request } = gatewayFixture();
    const post = (body: string, type: string | undefined) =>
      request('/v1/chat/completions', { method: 'POST', body, headers: type ? { 'content-type': type } : {} });
    expect(await errorOf(await post('{', 'application/json'))).toMatchObject({ status: 400, code: 'bad_json' });
    expect(await errorOf(await post('', 'application/json'))).toMatchObject({ status: 400, code: 'bad_json' });
    expect(await errorOf(await post('{}', 'text/plain'))).toMatchObject({ status: 415 });
    expect(await errorOf(await post('{}', 'application/x-www-form-urlencoded'))).toMatchObject({
      status: 415,
      code: 'unsupported_media_type',
    });
    const large = JSON.stringify(ask({ padding: 'x'.repeat(gatewayLimits.bodyBytesMax) }));
    expect(await errorOf(await post(large, 'application/json; charset=utf-8'))).toMatchObject({
      status: 413,
      code: 'body_too_large',
    });
  });

  test('an unknown model is 404, a known one that is not served is left to the network', async () => {
    const { chat } = gatewayFixture(async function* () {
      yield failed('no-peer-available');
    });
    expect(await errorOf(await chat(ask({ model: 'gpt-9' })))).toMatchObject({ status: 404, code: 'model_not_found' });
    const response = await chat(ask({ model: 'catalogued' }));
    expect(response.headers.get('retry-after')).toBe('3');
    expect(await errorOf(response)).toMatchObject({ status: 503, code: 'no_peer_available', type: 'server_error' });
  });

  test.each(Object.entries(wireErrors).filter(([code]) => code !== 'cancelled'))(
    '%s has its status, streamed or not',
    async (code, { status }) => {
      const { chat } = gatewayFixture(async function* () {
        yield { type: 'job-routing', at: 0, attempt: 1 };
        yield failed(code);
      });
      for (const stream of [false, true]) {
        expect(await errorOf(await chat(ask({ stream })))).toMatchObject({ status, code: codeOf(code) });
      }
    },
  );

  test("a worker's wait becomes Retry-After; a newer peer's code counts as the peer's failure", async () => {
    const { chat } = gatewayFixture(async function* (request) {
      yield 'seed' in request.params && request.params.seed === 1
        ? failed('busy', { retryAfterMs: 4_200 })
        : failed('quantum-decoherence');
    });
    expect((await chat(ask({ seed: 1 }))).headers.get('retry-after')).toBe('5');
    expect(await errorOf(await chat(ask({ seed: 2 })))).toMatchObject({ status: 502, code: 'quantum_decoherence' });
  });

  test('a failure of our own tells nothing of its inside', async () => {
    const { chat } = gatewayFixture(() => {
      throw new Error('secret path /etc');
    });
    const error = await errorOf(await chat(ask()));
    expect(error).toMatchObject({ status: 500, code: 'internal' });
    expect(error.message).not.toContain('secret');
  });

  test('other methods and paths', async () => {
    const { request } = gatewayFixture();
    const get = await request('/v1/chat/completions');
    expect(get.headers.get('allow')).toBe('POST');
    expect(await errorOf(get)).toMatchObject({ status: 405, code: 'method_not_allowed' });
    expect(await errorOf(await request('/v1/moderations', { method: 'POST' }))).toMatchObject({ status: 404 });
    for (const path of ['/v1/audio/speech', '/v1/audio/transcriptions', '/v1/images/generations']) {
      const refused = await errorOf(await request(path, { method: 'POST' }));
      expect(refused).toMatchObject({ status: 404, code: 'kind_unavailable' });
    }
    expect((await request('/share')).status).toBe(200);
  });

  test('nothing of a prompt or an answer is ever logged', async () => {
    const { chat, logged } = gatewayFixture(answers('the sea is green'));
    await (await chat(ask({ messages: [{ role: 'user', content: 'what colour' }], stream: true }))).text();
    await chat(ask({ messages: [{ role: 'user', content: 'what colour' }], temperature: 9 }));
    expect(logged.length).toBeGreaterThan(0);
    expect(logged.join()).not.toMatch(/colour|green/);
  });
});
