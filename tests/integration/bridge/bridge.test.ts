import { createServer } from 'node:https';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { errorCode } from '#lib/base/errors.ts';
import { seededRandom } from '#lib/base/random.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { runBenchmark } from '#lib/engine/run-benchmark.ts';
import type { EngineEvent, EngineRequest, LoadedModel } from '#lib/engine/spec.ts';
import type { OfferModelOptions } from '#lib/peer/spec.ts';
import type { BackendConfig } from '../../../relay/native/bridge/backend-config.ts';
import { createBridge } from '../../../relay/native/bridge/bridge.ts';
import type { Job } from '#lib/protocol/job.ts';
import type { OfferedModel } from '#lib/protocol/offer.ts';
import { createServerFetch } from '../../../relay/native/server-fetch.ts';
import { selfSigned } from '../../fixtures/self-signed.ts';
import { eventually } from '../relay/http.ts';
import {
  answerWith,
  listOf,
  startScriptedServer,
  type Respond,
  type ScriptedRequest,
  type ScriptedServer,
} from './scripted-server.ts';

const running: (() => Promise<unknown>)[] = [];
const servers = new Set<ScriptedServer>();
afterEach(async () => {
  servers.clear();
  for (const stop of running.splice(0).toReversed()) await stop();
});

async function serverOf(respond: Respond, port?: number): Promise<ScriptedServer> {
  const server = await startScriptedServer(respond, port);
  running.push(server.close);
  servers.add(server);
  return server;
}

const backendOf = (baseUrl: string, change: Partial<BackendConfig> = {}): BackendConfig => ({
  baseUrl,
  flavour: 'detect',
  fetch: createServerFetch(),
  allow: [],
  deny: [],
  aliases: {},
  embeddingModels: [],
  features: [],
  contextTokens: undefined,
  slots: 4,
  reserve: 0,
  weight: 1,
  overflow: undefined,
  ...change,
});

interface Offered {
  readonly model: LoadedModel;
  readonly options: OfferModelOptions | undefined;
}

/** A bridge whose time is moved by the test, before real servers, and what it offers. */
function bridgeOf(...backends: readonly BackendConfig[]) {
  const clock = manualClock();
  const offers = new Map<string, Offered>();
  /** Answers that run for strangers, by model. */
  const taken = new Map<string, number>();
  const modelOf = ({ model, options }: Offered): OfferedModel => ({
    ...model.model,
    ...model,
    price: { in: '0', out: '0' },
    kinds: [...model.kinds],
    features: [...model.features],
    slots: model.slots - (options?.reserved ?? 0),
    running: taken.get(model.model.name) ?? 0,
    queued: 0,
  });
  /** Requests whose answer has not begun to arrive. */
  let waiting = 0;
  const watched = (backend: BackendConfig): BackendConfig => ({
    ...backend,
    async fetch(url, init) {
      waiting += 1;
      try {
        return await backend.fetch(url, init);
      } finally {
        waiting -= 1;
      }
    },
  });
  /**
   * Servers answer in time of their own: it is waited for twice that no request is on its way, but for those that a server holds.
   * What waits for a server of another kind is given a second.
   */
  const settled = async () => {
    let idle = 0;
    for (let turn = 0; turn < 66 && idle < 2; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 15));
      idle = waiting <= [...servers].reduce((sum, { held }) => sum + held, 0) ? idle + 1 : 0;
    }
  };
  const logged: (readonly [string, object])[] = [];
  const log = (event: string, fields: object = {}) => void logged.push([event, fields]);
  const bridge = createBridge({
    backends: backends.map(watched),
    clock,
    random: seededRandom(1),
    measure: runBenchmark,
    logger: { info: log, warn: log },
    storage: createMemoryStorage(),
    provider: {
      servedModels: () => ({
        draining: false,
        engine: { name: 'openai-compatible', build: 'several', deviceClass: 'remote' },
        models: [...offers.values()].map(modelOf),
      }),
      offerModel: (model, options) => void offers.set(model.model.name, { model, options }),
      withdrawModel: (artefact) => {
        for (const [name, { model }] of offers) if (model.model.artefact === artefact) offers.delete(name);
      },
    },
  });
  running.push(() => bridge.stop());
  bridge.start();
  const names = () => [...offers.keys()].sort();
  /** Lets two seconds pass at a time until it holds. */
  const within = async (seconds: number, holds: () => boolean): Promise<void> => {
    for (let passed = 0; passed < seconds && !holds(); passed += 2) await pass(2);
    expect(holds()).toBe(true);
  };
  const pass = async (seconds: number): Promise<void> => {
    for (let passed = 0; passed < seconds; passed += 2) {
      await clock.advance(2_000);
      await settled();
    }
  };
  return { bridge, clock, offers, taken, logged, names, within, pass };
}

const chat: EngineRequest = {
  kind: 'chat',
  input: { messages: [{ role: 'user', content: 'x' }] },
  params: { maxTokens: 8, temperature: 0 },
};
const jobOf = (artefact: string, tier = 'open', more: object = {}) => ({ ...chat, artefact, tier, ...more }) as Job;
async function ask({ model }: Offered): Promise<{ readonly code: string; readonly text: string }> {
  let text = '';
  try {
    for await (const event of model.doStream(chat, {})) if (event.type === 'text-delta') text += event.text;
  } catch (error) {
    return { code: errorCode(error), text };
  }
  return { code: 'ok', text };
}

const fail = (status: string) => `HTTP/1.1 ${status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`;
/** Answers every request of these models with the text, and what `unless` does not take. */
const serving =
  (
    models: readonly string[],
    text: string,
    unless: (request: ScriptedRequest, socket: Socket) => boolean = () => false,
  ): Respond =>
  (request, socket) => {
    if (unless(request, socket)) return;
    socket.end(request.path.endsWith('/models') ? listOf(...models) : answerWith(text));
  };

test('what a server lists is offered, with what it says of itself', async () => {
  const list = { data: [{ id: 'a', owned_by: 'vllm', max_model_len: 8_192 }, { id: 'b' }] };
  const server = createHttpServer((request, response) => {
    if (request.url === '/v1/models') return void response.end(JSON.stringify(list));
    response.socket!.end(answerWith('hi'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  running.push(() => new Promise((resolve) => server.close(resolve)));
  const { bridge, offers, names, logged } = bridgeOf(
    backendOf(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`),
  );
  expect(await bridge.ready).toEqual({ state: 'serving' });
  expect(names()).toEqual(['a', 'b']);
  expect(offers.get('a')!.model).toMatchObject({
    contextTokens: 8_192,
    engine: { build: 'vllm' },
    features: ['resume-text'],
    slots: 4,
  });
  expect(offers.get('b')!.model.contextTokens).toBe(4_096);
  expect(logged.filter(([event]) => event === 'backend-serving')).toHaveLength(2);
  expect(await ask(offers.get('a')!)).toEqual({ code: 'ok', text: 'hi' });
});

test('C4: a server that dies is withdrawn within 5 s and back within 5 s, another goes on', async () => {
  const [dying, living] = [await serverOf(serving(['a', 'b'], 'one')), await serverOf(serving(['b'], 'two'))];
  const { bridge, clock, offers, names, within, logged } = bridgeOf(
    backendOf(dying.baseUrl),
    backendOf(living.baseUrl),
  );
  await bridge.ready;
  expect(names()).toEqual(['a', 'b']);
  expect(offers.get('b')!.model.slots).toBe(8);
  await dying.close();
  await within(4, () => names().join() === 'b');
  const down = { backend: new URL(dying.baseUrl).host, code: 'load-failed', cause: 'ECONNREFUSED' };
  expect(logged).toContainEqual(['backend-down', down]);
  expect(offers.get('b')!.model.slots).toBe(4);
  expect(await ask(offers.get('b')!)).toEqual({ code: 'ok', text: 'two' });
  await serverOf(serving(['a', 'b'], 'one'), Number(new URL(dying.baseUrl).port));
  await within(4, () => names().join() === 'a,b');
  await clock.advance(0);
  expect(offers.get('b')!.model.slots).toBe(8);
});

test('the slots that each server keeps for its owner are kept of the model that they share', async () => {
  const [one, two] = [await serverOf(serving(['a'], 'one')), await serverOf(serving(['a', 'b'], 'two'))];
  const { bridge, offers, within } = bridgeOf(
    backendOf(one.baseUrl, { reserve: 1 }),
    backendOf(two.baseUrl, { reserve: 2 }),
  );
  await bridge.ready;
  expect(offers.get('a')).toMatchObject({ model: { slots: 8 }, options: { reserved: 3 } });
  expect(offers.get('b')).toMatchObject({ model: { slots: 4 }, options: { reserved: 2 } });
  await two.close();
  await within(4, () => offers.get('a')!.options?.reserved === 1);
});

test('a server that accepts and never responds is withdrawn within 5 s too, and holds nothing up', async () => {
  let isFrozen = false;
  const frozen = await serverOf(serving(['a'], 'one', () => isFrozen));
  const other = await serverOf(serving(['b'], 'two'));
  const { bridge, names, within, logged } = bridgeOf(backendOf(frozen.baseUrl), backendOf(other.baseUrl));
  await bridge.ready;
  isFrozen = true;
  await within(4, () => names().join() === 'b');
  expect(logged).toContainEqual(['backend-down', expect.objectContaining({ code: 'load-failed' })]);
  isFrozen = false;
  await within(4, () => names().join() === 'a,b');
});

test('a model appears, and one that hangs in its first request does not hold up the next', async () => {
  const models = ['a'];
  const server = await serverOf((request, socket) => {
    if (request.path.endsWith('/models')) return void socket.end(listOf(...models));
    if (request.model !== 'hangs') socket.end(answerWith('hi'));
  });
  const { bridge, names, offers, within } = bridgeOf(backendOf(server.baseUrl));
  await bridge.ready;
  models.push('hangs', 'new');
  await within(30, () => names().includes('new'));
  expect(names()).toEqual(['a', 'hangs', 'new']);
  expect(offers.get('new')!.options?.measured).toBeUndefined();
  models.splice(0, 1);
  await within(4, () => !names().includes('a'));
});

test('a cold load of 100 s at the start is waited for, and its model is offered meanwhile', async () => {
  let load: Socket | undefined;
  const server = await serverOf(
    serving(['a'], 'hi', ({ model }, socket) => {
      if (model === '' || load) return false;
      load = socket;
      return true;
    }),
  );
  const { pass, names, bridge, offers, within } = bridgeOf(backendOf(server.baseUrl));
  await eventually(() => load !== undefined);
  await within(24, () => names().length === 1);
  await pass(76);
  load!.end(answerWith('loaded'));
  expect(await bridge.ready).toEqual({ state: 'serving' });
  expect(await ask(offers.get('a')!)).toEqual({ code: 'ok', text: 'hi' });
});

test('requests go elsewhere while a server fails them, the model is withdrawn there, and comes back', async () => {
  let isBroken = false;
  const broken = await serverOf(
    serving(['a'], 'one', ({ path }, socket) => {
      if (!isBroken || path.endsWith('/models')) return false;
      socket.end(fail('500 Broken'));
      return true;
    }),
  );
  const other = await serverOf(serving(['a'], 'two'));
  const { bridge, offers, within, logged } = bridgeOf(backendOf(broken.baseUrl), backendOf(other.baseUrl));
  await bridge.ready;
  isBroken = true;
  for (let count = 0; count < 4; count++) expect(await ask(offers.get('a')!)).toEqual({ code: 'ok', text: 'two' });
  await eventually(() => offers.get('a')!.model.slots === 4);
  expect(logged).toContainEqual([
    'backend-request-failed',
    { backend: new URL(broken.baseUrl).host, model: 'a', code: 'engine-failed', status: 500 },
  ]);
  isBroken = false;
  await within(30, () => offers.get('a')!.model.slots === 8);
});

test('requests that are at fault themselves take no model away', async () => {
  const server = await serverOf(
    serving(['a'], 'hi', ({ attempt, path }, socket) => {
      // Poison: the benchmark and the trials pass, what comes between does not.
      if (path.endsWith('/models') || attempt < 2 || attempt >= 5) return false;
      socket.end(fail('500 Broken'));
      return true;
    }),
  );
  const { bridge, offers, names, within } = bridgeOf(backendOf(server.baseUrl));
  await bridge.ready;
  for (let count = 0; count < 3; count++) expect(await ask(offers.get('a')!)).toMatchObject({ code: 'engine-failed' });
  await eventually(() => server.asked.get('a') === 6);
  await within(2, () => names().join() === 'a');
  expect(await ask(offers.get('a')!)).toEqual({ code: 'ok', text: 'hi' });
});

test('a refused key withdraws at once, and the log says why', async () => {
  let key = 'good';
  const server = await serverOf(
    serving(['a'], 'hi', ({ headers, path }, socket) => {
      if (path.endsWith('/models') || headers.includes(`authorization: Bearer ${key}`)) return false;
      socket.end(fail('401 Unauthorized'));
      return true;
    }),
  );
  const { bridge, offers, names, logged } = bridgeOf(backendOf(server.baseUrl, { apiKey: 'good' }));
  await bridge.ready;
  key = 'another';
  expect(await ask(offers.get('a')!)).toMatchObject({ code: 'engine-failed' });
  expect(names()).toEqual([]);
  expect(bridge.state).toMatchObject({ state: 'failed', error: { details: { status: 401 } } });
  expect(logged).toContainEqual(['backend-request-failed', expect.objectContaining({ status: 401, model: 'a' })]);
  expect(JSON.stringify(logged)).not.toContain('good');
});

test('only what its owner allows is offered, under the names he gives', async () => {
  const server = await serverOf(serving(['qwen3:8b', 'qwen3:70b', 'llama3:8b'], 'hi'));
  const config = { allow: ['qwen3:*'], deny: ['*:70b'], aliases: { 'qwen3:8b': 'qwen3-8b' } };
  const { bridge, offers, names } = bridgeOf(backendOf(server.baseUrl, config));
  await bridge.ready;
  expect(names()).toEqual(['qwen3-8b']);
  const before = server.asked.get('qwen3:8b')!;
  await ask(offers.get('qwen3-8b')!);
  expect(server.asked.get('qwen3:8b')).toBe(before + 1);
});

test('a server without a list serves what its owner named', async () => {
  const server = await serverOf(
    serving([], 'hi', ({ path, model }, socket) => {
      if (!path.endsWith('/models')) return false;
      socket.end(model === '' ? fail('404 Not Found') : '');
      return true;
    }),
  );
  const { bridge, names } = bridgeOf(backendOf(server.baseUrl, { allow: ['a'] }));
  // What cannot be looked up is loaded without.
  expect(await bridge.ready).toEqual({ state: 'serving' });
  expect(names()).toEqual(['a']);
});

test('a model that refuses to chat is offered for embeddings', async () => {
  const vector = JSON.stringify({ data: [{ index: 0, embedding: [1, 0] }], usage: { prompt_tokens: 1 } });
  const server = await serverOf(({ path }, socket) => {
    if (path.endsWith('/models')) return void socket.end(listOf('embed'));
    if (!path.endsWith('/embeddings')) return void socket.end(fail('400 Bad Request'));
    socket.end(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n${vector}`);
  });
  const { bridge, offers } = bridgeOf(backendOf(server.baseUrl));
  await bridge.ready;
  expect(offers.get('embed')!.model.kinds).toEqual(['embedding']);
});

test('a certificate of the owner’s own authority is trusted for that server, and for no other', async () => {
  const server = createServer(selfSigned, (request, response) => {
    if (request.url === '/v1/models') return void response.end(JSON.stringify({ data: [{ id: 'a' }] }));
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(answerWith('safe').split('\r\n\r\n')[1]);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  running.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const baseUrl = `https://localhost:${(server.address() as AddressInfo).port}/v1`;
  const trusted = bridgeOf(backendOf(baseUrl, { fetch: createServerFetch({ authorities: selfSigned.cert }) }));
  expect(await trusted.bridge.ready).toEqual({ state: 'serving' });
  expect(await ask(trusted.offers.get('a')!)).toEqual({ code: 'ok', text: 'safe' });
  const other = bridgeOf(backendOf(baseUrl));
  expect(await other.bridge.ready).toMatchObject({ state: 'failed', error: { code: 'load-failed' } });
  expect(other.logged).toContainEqual(['backend-down', expect.objectContaining({ code: 'load-failed' })]);
});

test('a job that no single server can do is refused before it is taken, though each part of it is offered', async () => {
  const one = await serverOf(serving(['a'], 'one'));
  const two = await serverOf(serving(['a'], 'two'));
  const { bridge, offers } = bridgeOf(
    backendOf(one.baseUrl, { features: ['tools'] }),
    backendOf(two.baseUrl, { features: ['logprobs'] }),
  );
  await bridge.ready;
  const { model } = offers.get('a')!;
  expect(model.features).toEqual(expect.arrayContaining(['tools', 'logprobs']));
  const withTools = { ...chat.input, tools: [{ name: 'f' }] };
  const logprobs = { ...chat.params, logprobs: 1 };
  const codeOf = (more: object) => bridge.refuse!(jobOf(model.model.artefact, 'open', more), 'other')?.code;
  expect([codeOf({ input: withTools }), codeOf({ params: logprobs })]).toEqual([undefined, undefined]);
  expect(codeOf({ input: withTools, params: logprobs })).toBe('feature-unavailable');
});

test('a paid server is offered under a name of its own, found out nothing about, and says that it answered', async () => {
  const own = await serverOf(serving(['a'], 'own'));
  const paid = await serverOf(serving(['vendor/a', 'vendor/b'], 'paid'));
  const { bridge, offers, names } = bridgeOf(
    backendOf(own.baseUrl),
    backendOf(paid.baseUrl, {
      allow: ['vendor/a'],
      aliases: { 'vendor/a': 'a' },
      features: ['probe', 'tools'],
      overflow: { requestsPerDay: 2, tokensPerDay: 1_000 },
    }),
  );
  await bridge.ready;
  expect(names()).toEqual(['a', 'a:upstream']);
  const [mine, theirs] = [offers.get('a')!, offers.get('a:upstream')!];
  expect(mine.model.upstream).toBeUndefined();
  expect(theirs).toMatchObject({ model: { upstream: true, features: ['tools'] } });
  expect(theirs.options?.measured).toBeUndefined();
  expect(theirs.model.model.artefact).not.toBe(mine.model.model.artefact);
  expect(paid.asked.size).toBe(0);

  const events: EngineEvent[] = [];
  for await (const event of theirs.model.doStream(chat, {})) events.push(event);
  expect(events[0]).toMatchObject({ type: 'warning', code: 'answered-upstream' });
  expect(events[1]).toMatchObject({ type: 'text-delta', text: 'paid' });
  expect(bridge.upstream).toEqual({ requestsToday: 1, tokensToday: 4 });
  expect(await ask(mine)).toEqual({ code: 'ok', text: 'own' });
  expect(await ask(theirs)).toEqual({ code: 'ok', text: 'paid' });
  // The third is one too many, and reaches nobody.
  expect(await ask(theirs)).toEqual({ code: 'busy', text: '' });
  expect(paid.asked.get('vendor/a')).toBe(2);
  expect(bridge.upstream).toEqual({ requestsToday: 2, tokensToday: 8 });
});

test('a paid server is asked only while the model has no slot here for the asker, and in the open tier', async () => {
  const held: Socket[] = [];
  const own = await serverOf(
    serving(['a'], 'own', ({ body }, socket) => body.includes('hold') && held.push(socket) > 0),
  );
  const paid = await serverOf(serving(['a', 'only'], 'paid'));
  const overflow = { requestsPerDay: 9, tokensPerDay: 9_999 };
  const { bridge, offers, taken, within } = bridgeOf(
    backendOf(own.baseUrl, { slots: 2, reserve: 1 }),
    backendOf(paid.baseUrl, { allow: ['a', 'only'], overflow }),
  );
  await bridge.ready;
  const artefactOf = (name: string) => offers.get(name)!.model.model.artefact;
  const codeOf = (name: string, asker: 'owner' | 'other' = 'other', tier = 'open') =>
    bridge.refuse!(jobOf(artefactOf(name), tier), asker)?.code ?? 'taken';
  expect([codeOf('a'), codeOf('a:upstream'), codeOf('a:upstream', 'owner')]).toEqual([
    'taken',
    'refused-policy',
    'refused-policy',
  ]);
  expect(codeOf('only:upstream')).toBe('taken');
  expect(codeOf('only:upstream', 'other', 'verified')).toBe('refused-policy');
  // A stranger has the only slot that is not reserved.
  taken.set('a', 1);
  expect([codeOf('a:upstream'), codeOf('a:upstream', 'owner')]).toEqual(['taken', 'refused-policy']);
  const holding: EngineRequest = { ...chat, input: { messages: [{ role: 'user', content: 'hold' }] } } as EngineRequest;
  const left = new AbortController();
  const begin = async () => {
    for await (const _ of offers.get('a')!.model.doStream(holding, left));
  };
  for (let slot = 0; slot < 2; slot++) void begin().catch(() => undefined);
  await eventually(() => held.length === 2);
  expect(codeOf('a:upstream', 'owner')).toBe('taken');
  left.abort();
  taken.set('a', 0);
  const upstream = artefactOf('a:upstream');
  await own.close();
  await within(4, () => !offers.has('a'));
  expect(bridge.refuse!(jobOf(upstream), 'other')).toBeUndefined();
});

test('nothing is spent while it is not known yet what the own servers have', async () => {
  let list: Socket | undefined;
  const own = await serverOf(
    serving(['a'], 'own', ({ path }, socket) => {
      if (list || !path.endsWith('/models')) return false;
      list = socket;
      return true;
    }),
  );
  const paid = await serverOf(serving(['a'], 'paid'));
  const overflow = { requestsPerDay: 9, tokensPerDay: 9_999 };
  const { bridge, offers } = bridgeOf(backendOf(own.baseUrl), backendOf(paid.baseUrl, { allow: ['a'], overflow }));
  await eventually(() => offers.has('a:upstream') && list !== undefined);
  const job = jobOf(offers.get('a:upstream')!.model.model.artefact);
  expect(bridge.refuse!(job, 'owner')).toMatchObject({ code: 'refused-policy' });
  list!.end(listOf('b'));
  await bridge.ready;
  expect(bridge.refuse!(job, 'owner')).toBeUndefined();
});
