import { describe, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { accepted, announce, answers, ask, failed, gatewayFixture, worker, type Script } from './gateway.fixture.ts';

const clock = manualClock();
const fixture = (script?: Script) => {
  const made = gatewayFixture(script, { clock });
  announce(made.directory, clock, [{ quantisation: 'Q8_0', price: { in: '100000', out: '200000' } }]);
  return made;
};
const absent = createSigner(new Uint8Array(32).fill(50)).peer;
const { peer } = worker;

describe('provider: conditions go to the router', () => {
  test.each([
    [{ only: [peer] }, { only: [peer] }],
    [{ ignore: [absent, 'DeepInfra'] }, { ignore: [absent] }],
    [{ order: [absent, peer] }, { order: [absent, peer] }],
    [
      { order: [absent, peer], allow_fallbacks: false },
      { order: [absent, peer], only: [absent, peer] },
    ],
    [{ only: [peer], allow_fallbacks: false }, { only: [peer] }],
    [{ quantizations: ['int8'] }, { quantisations: ['int8', 'q8_0', 'q8f16_1', 'q8f32_1'] }],
    [{ quantizations: ['Q8_0'] }, { quantisations: ['q8_0'] }],
    [{ max_price: { prompt: 0.1, completion: '0.25' } }, { priceMax: { in: '100000', out: '250000' } }],
    [{ max_price: { completion: 1 } }, { priceMax: { in: '9'.repeat(30), out: '1000000' } }],
    [{ data_collection: 'allow', require_parameters: true, allow_fallbacks: true, zdr: false }, {}],
    [{ only: [], ignore: null, order: null, sort: null }, {}],
  ])('%o', async (provider, terms) => {
    const { chat, asked } = fixture();
    const response = await chat(ask({ provider }));
    expect(response.status).toBe(200);
    expect((await response.json()).tabloom.warnings).toEqual([]);
    const { only, ignore, order, quantisations, priceMax } = asked[0]!;
    expect({ only, ignore, order, quantisations, priceMax }).toEqual({
      only: undefined,
      ignore: undefined,
      order: undefined,
      quantisations: undefined,
      priceMax: undefined,
      ...terms,
    });
  });

  test('together with tabloom.peers', async () => {
    const { chat, asked } = fixture();
    await chat(ask({ tabloom: { peers: [peer, absent] }, provider: { only: [peer] } }));
    expect(asked[0]).toMatchObject({ only: [peer] });
  });

  test('on completions too', async () => {
    const { post, asked, directory } = fixture();
    announce(directory, clock, [{ kinds: ['completion'] }], 8);
    await post('/v1/completions', { model: 'tabloom-demo', prompt: 'x', provider: { ignore: [peer] } });
    expect(asked[0]).toMatchObject({ kind: 'completion', ignore: [peer] });
  });
});

describe('provider: what cannot be met is refused with its member, before anything is asked', () => {
  test.each([
    ['data_collection', { data_collection: 'deny' }, 400, 'bad_request'],
    ['zdr', { zdr: true }, 400, 'bad_request'],
    ['experimental', { experimental: {}, zdr: true }, 400, 'bad_request'],
    ['only', { only: ['Together'] }, 400, 'bad_request'],
    ['only', { only: [absent] }, 503, 'no_peer_available'],
    ['ignore', { ignore: [peer] }, 503, 'no_peer_available'],
    ['order', { order: ['Together'] }, 400, 'bad_request'],
    ['order', { order: [peer, 'Together'], allow_fallbacks: false }, 400, 'bad_request'],
    ['order.0', { order: [1] }, 400, 'bad_request'],
    ['allow_fallbacks', { allow_fallbacks: false }, 400, 'bad_request'],
    ['quantizations', { quantizations: ['fp16'] }, 400, 'feature_unavailable'],
    ['max_price', { max_price: { prompt: 0.05 } }, 402, 'price'],
    ['max_price.prompt', { max_price: { prompt: -1 } }, 400, 'bad_request'],
  ])('%s: %o', async (param, provider, status, code) => {
    const { chat, asked } = fixture();
    const response = await chat(ask({ provider }));
    expect(response.status).toBe(status);
    const shown = param === 'experimental' ? 'zdr' : param;
    expect((await response.json()).error).toMatchObject({ code, param: `provider.${shown}` });
    expect(asked).toEqual([]);
  });

  test('lists of peers without one in common', async () => {
    const { chat } = fixture();
    const response = await chat(ask({ tabloom: { peers: [absent] }, provider: { only: [peer] } }));
    expect((await response.json()).error).toMatchObject({ code: 'bad_request', param: 'provider.only' });
  });

  test('a parameter without effect, where require_parameters is set', async () => {
    const { chat } = fixture();
    const response = await chat(ask({ verbosity: 'low', provider: { require_parameters: true } }));
    expect((await response.json()).error).toMatchObject({ code: 'bad_request', param: 'verbosity' });
  });
});

test.each([
  ['sort', { sort: 'price' }],
  ['sort', { sort: { by: 'latency' } }],
  ['preferred_max_latency', { preferred_max_latency: 2 }],
  ['order', { order: [peer, 'Together'] }],
])('provider: a wish about the ranking that is not granted is a warning: %s', async (member, provider) => {
  const { chat } = fixture();
  const { tabloom } = await (await chat(ask({ provider }))).json();
  expect(tabloom.warnings).toMatchObject([{ code: 'parameter-ignored', param: `provider.${member}` }]);
});

describe('models: the next one is asked where the one before gave nothing', () => {
  const models = ['tabloom-demo', 'catalogued'];
  const nameOf = (request: { model: unknown }) => (request.model as { name: string }).name;

  test.each(['no-peer-available', 'busy', 'peer-failed', 'too-long'])('after %s, whole and streamed', async (code) => {
    const { chat, asked, jobs } = fixture(async function* (request, signal, time) {
      if (nameOf(request) === 'catalogued') return yield* answers('Hello')(request, signal, time);
      yield* accepted(request, time);
      yield failed(code);
    });
    const whole = await (await chat(ask({ models }))).json();
    expect(whole.choices[0].message.content).toBe('Hello');
    expect(asked.map(nameOf)).toEqual(models);
    expect(whole.tabloom.job).toBe(asked[1]!.id);
    expect(asked[0]!.id).not.toBe(asked[1]!.id);
    const text = await (await chat(ask({ models, stream: true }))).text();
    expect(text).toContain('"content":"Hello"');
    expect(jobs.counts).toMatchObject({ finished: 2, failed: 0, running: 0 });
  });

  test('but not once something was delivered, nor where the request is at fault', async () => {
    for (const code of ['engine-failed', 'bad-request']) {
      const { chat, asked } = fixture(async function* (request, _signal, time) {
        yield* accepted(request, time);
        if (code === 'engine-failed') {
          yield { type: 'part-received', at: 0, part: { type: 'text-delta', text: 'H', tokens: 1 } };
        }
        yield failed(code);
      });
      expect((await chat(ask({ models }))).status).toBe(code === 'bad-request' ? 400 : 502);
      expect(asked).toHaveLength(1);
    }
  });

  test('the last model’s error is the answer where all fail', async () => {
    const { chat } = fixture(async function* (request) {
      yield failed(nameOf(request) === 'catalogued' ? 'busy' : 'no-peer-available');
    });
    expect((await chat(ask({ models }))).status).toBe(429);
  });

  test('a model that is unknown or cannot do it is passed over; all of them are an error of the first', async () => {
    const { chat, asked } = fixture();
    expect((await chat(ask({ model: undefined, models: ['unheard-of', 'tabloom-demo'] }))).status).toBe(200);
    expect(asked.map(nameOf)).toEqual(['tabloom-demo']);
    const response = await chat(ask({ model: 'unheard-of', models: ['unheard-of-too'] }));
    expect((await response.json()).error).toMatchObject({
      code: 'model_not_found',
      message: expect.stringContaining('"unheard-of"'),
    });
    expect((await chat(ask({ models: Array(9).fill('x') }))).status).toBe(400);
  });

  test('an Idempotency-Key covers all of them', async () => {
    const { chat, asked } = fixture(async function* (request, signal, time) {
      if (nameOf(request) === 'catalogued') yield* answers('Hello')(request, signal, time);
      else yield failed('busy');
    });
    const key = { 'idempotency-key': 'k' };
    const first = await (await chat(ask({ models }), key)).json();
    expect(await (await chat(ask({ models }), key)).json()).toEqual(first);
    expect(asked).toHaveLength(2);
  });
});
