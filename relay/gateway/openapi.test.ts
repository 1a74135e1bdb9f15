import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { payError } from '#lib/pay/errors.ts';
import { embedding } from '#lib/protocol/kinds/embedding.ts';
import type { Part } from '#lib/protocol/part.ts';
import { createOutputRoot } from '#lib/trust/output-root.ts';
import { issueReceipt } from '#lib/trust/receipt.ts';
import type { ApiKey } from '../api-key.ts';
import { announce, answers, answersWith, ask, asker, gatewayFixture, worker, type Script } from './gateway.fixture.ts';
import type { Operation } from './openapi.ts';

const job = '1'.repeat(32);
const owner = '0x00000000000000000000000000000000000000aa';
const record: ApiKey = {
  id: '0123456789abcdef',
  name: 'shop',
  type: 'publishable',
  models: ['tabloom-demo'],
  origins: ['https://shop.example'],
  expiresAt: 9_000_000,
  caps: { requestsPerDay: 5, tokensTotal: 7 },
  owner,
  createdAt: 5_000,
  revokedAt: undefined,
};

const escrowed = { kind: 'llm', model: 'm', provider: `0x${'b'.repeat(40)}`, units: 5, price: 1n, deadline: 0 };
const untouched = { state: 'open', delivered: 0, paid: 0n, share: 0n, refunded: 0n } as const;

/** Texts for a conversation, a vector for an embedding. */
const vector: Part = { type: 'embedding', index: 0, vector: new Uint8Array(8) };
const script: Script = (request, signal, clock) =>
  (request.kind === 'embedding' ? answersWith([vector]) : answers('Hello', ', you'))(request, signal, clock);

function receipt() {
  const output = createOutputRoot(embedding.outputHash);
  return issueReceipt(
    {
      job: {
        id: job,
        artefact: 'a'.repeat(64),
        model: 'tabloom-demo',
        kind: 'embedding',
        input: { texts: ['?'] },
        params: {},
        tier: 'open',
        deadlineMs: 1,
        salt: '0'.repeat(32),
      },
      asker: asker.peer,
      engine: { name: 'scripted', build: '1', deviceClass: 'scripted' },
      output: output.summary(),
      reason: 'stop',
      tokensIn: 5,
      timings: { queuedMs: 0, ttftMs: 1, decodeMs: 1 },
      price: { in: '0', out: '0' },
      issuedAt: 1,
      prevWorker: '0'.repeat(64),
    },
    worker,
  ).envelope;
}

function scene() {
  const clock = manualClock();
  let isServing = true;
  let isSignedIn = true;
  let isPaying = true;
  const native = { running: 0, queued: 0 };
  const fixture = gatewayFixture(script, {
    clock,
    receipts: { find: async (id) => (id === job ? [{ receipt: receipt() }] : []) },
    activity: {
      recent: async () => [
        { job, at: 1, model: 'm', kind: 'chat', peer: undefined, outcome: 'failed', tokensIn: 0, tokensOut: 0, ms: 3 },
      ],
      hours: async () => [{ hour: 3_600_000, model: 'm', jobs: 2, finished: 1, tokensIn: 3, tokensOut: 4 }],
    },
    sessions: {
      drawNonce: async () => ({ nonce: 'n', expiresAt: 9_000 }),
      useNonce: async () => true,
      open: async () => ({ token: 't', expiresAt: 9_000 }),
      find: async () => (isSignedIn ? owner : undefined),
      end: async () => undefined,
    },
    credits: {
      price: { in: 1_000_000n, out: 500_000n },
      chain: { id: 1, name: 'A chain', token: 'USDC', payTo: owner },
      cost: () => 0n,
      balance: async () => ({ units: 1n, held: 0n }),
      carries: () => isPaying,
      take: async (_, units) =>
        isPaying
          ? { type: 'paid', payer: owner, address: owner, units, isNew: true, transaction: '0x1', headers: [] }
          : { type: 'required', headers: [], terms: { x402Version: 2, accepts: [{}] }, reason: undefined },
    },
    payments: {
      info: { chain: 31337, rpc: '/pay/rpc' },
      rates: { of: () => undefined, stop: () => undefined },
      registrationOf: () => 'listed',
      sponsor: {
        rates: { of: () => undefined, stop: () => undefined },
        quote: async () => ({
          chain: 31337,
          sponsor: owner,
          fees: { open: '1', 'top-up': '1', announce: '1', settle: '1', claim: '1' },
        }),
        async send(request) {
          if ((request as { action: string }).action !== 'open') throw payError('fee-too-small');
          return { hash: '0x1', block: 1, gasUsed: '2' };
        },
        async entrust(order) {
          if (!('signature' in (order as object))) throw payError('order-mismatch');
          return { provider_signer: owner, valid_before: 9, claims: 1 };
        },
      },
      faucet: {
        give: async (address) => {
          if (address !== owner) throw new TabloomError('bad-address', 'No.');
          return { amount: 1n };
        },
      },
      rpc: async ({ id }) => ({ jsonrpc: '2.0', id, result: '0x7a69' }),
    },
    escrows: {
      open: async (terms) => ({ ...terms, ...untouched }),
      release: async (id, units) => ({ ...escrowed, ...id, ...untouched, state: 'released', delivered: units }),
      refund: () => Promise.reject(new TabloomError('escrow-not-due', 'Later.')),
    },
    signIn: { nonceOf: (message) => message, verify: async () => owner },
    walletKeys: {
      create: async () => ({ key: 'pk_secret', record }),
      list: async () => [record],
      revoke: async (id) => id === record.id,
    },
    health: () => ({
      ok: isServing,
      state: isServing ? 'serving' : 'draining',
      build: 'test',
      uptimeMs: 0,
      peers: 0,
      offers: 1,
      jobs: { running: 0, finished: 0, failed: 0, cancelled: 0, tokensOut: 0 },
      native: isServing
        ? { state: 'off', ...native }
        : { state: 'failed', ...native, error: { code: 'c', message: 'm' } },
    }),
  });
  announce(fixture.directory, clock, [
    { kinds: ['chat', 'completion', 'embedding'], measured: { prefillTps: 1, decodeTps: 2, ttftMs: 3 } },
  ]);
  return {
    ...fixture,
    drain: () => (isServing = false),
    signOut: () => (isSignedIn = false),
    stopPaying: () => (isPaying = false),
  };
}
type Scene = ReturnType<typeof scene>;

const send = ({ gateway }: Scene, method: string, path: string, body?: object): Promise<Response> =>
  gateway.fetch(
    new Request(`http://localhost:8080${path}`, {
      method: method.toUpperCase(),
      headers: { host: 'localhost:8080', ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    }),
    { client: '127.0.0.1' },
  );

/** Of each operation, requests that succeed and requests that fail. Those that cannot fail have none of the latter. */
type Case = readonly [path: string, status: number, body?: object, before?: (scene: Scene) => void];
const prompt = { model: 'tabloom-demo', prompt: 'Once' };
const texts = { model: 'tabloom-demo', input: 'hello' };
const signOut = (one: Scene) => one.signOut();
const drain = (one: Scene) => one.drain();
const unknownModel = { model: 'unheard-of' };
const cases: Readonly<Record<string, readonly Case[]>> = {
  'post /v1/chat/completions': [
    ['/v1/chat/completions', 200, ask()],
    ['/v1/chat/completions', 200, ask({ stream: true, stream_options: { include_usage: true }, verbosity: 'low' })],
    ['/v1/chat/completions', 400, ask({ temperature: 3 })],
    ['/v1/chat/completions', 404, ask(unknownModel)],
  ],
  'post /v1/completions': [
    ['/v1/completions', 200, prompt],
    ['/v1/completions', 200, { ...prompt, stream: true, stream_options: { include_usage: true } }],
    ['/v1/completions', 400, { ...prompt, best_of: 2 }],
  ],
  'post /v1/responses': [
    ['/v1/responses', 200, texts],
    ['/v1/responses', 200, { ...texts, stream: true }],
    ['/v1/responses', 400, { ...texts, background: true }],
  ],
  'post /v1/embeddings': [
    ['/v1/embeddings', 200, texts],
    ['/v1/embeddings', 200, { ...texts, encoding_format: 'base64' }],
    ['/v1/embeddings', 400, { ...texts, input: '' }],
  ],
  'get /v1/models': [['/v1/models', 200]],
  'get /v1/models/{id}': [
    ['/v1/models/tabloom-demo', 200],
    ['/v1/models/unheard-of', 404],
  ],
  'get /v1/prices': [['/v1/prices', 200]],
  'get /v1/tasks': [['/v1/tasks', 200]],
  'get /v1/network': [['/v1/network', 200]],
  'get /v1/audits': [['/v1/audits', 200]],
  'get /v1/leaderboard': [
    ['/v1/leaderboard?limit=1&offset=1', 200],
    ['/v1/leaderboard?limit=101', 400],
  ],
  'get /v1/route': [
    ['/v1/route', 200],
    ['/v1/route?model=unheard-of', 404],
  ],
  'get /v1/receipts/{id}': [
    [`/v1/receipts/chatcmpl-${job}`, 200],
    ['/v1/receipts/none', 404],
  ],
  'get /v1/activity': [
    ['/v1/activity?hours=2', 200],
    ['/v1/activity?hours=0', 400],
  ],
  'get /v1/feed': [['/v1/feed', 200]],
  'post /v1/auth/nonce': [['/v1/auth/nonce', 200]],
  'post /v1/auth/sign-in': [
    ['/v1/auth/sign-in', 200, { message: 'm', signature: 's' }],
    ['/v1/auth/sign-in', 400, { message: 'm' }],
  ],
  'post /v1/auth/sign-out': [['/v1/auth/sign-out', 204]],
  'get /v1/key': [['/v1/key', 401]],
  'get /v1/keys': [
    ['/v1/keys', 200],
    ['/v1/keys', 401, undefined, signOut],
  ],
  'post /v1/keys': [
    [
      '/v1/keys',
      201,
      { name: 'shop', type: 'publishable', origins: ['https://shop.example'], caps: { requests_per_day: 5 } },
    ],
    ['/v1/keys', 400, { caps: { requests_per_year: 5 } }],
    ['/v1/keys', 401, {}, signOut],
  ],
  'delete /v1/keys/{id}': [
    [`/v1/keys/${record.id}`, 200],
    ['/v1/keys/none', 404],
  ],
  'get /v1/credits': [
    ['/v1/credits', 200],
    ['/v1/credits', 401, undefined, signOut],
  ],
  'post /v1/credits/buy': [
    ['/v1/credits/buy', 200, { credits: 5 }],
    ['/v1/credits/buy', 400, { credits: 0.5 }],
    ['/v1/credits/buy', 402, { credits: 5 }, (one) => one.stopPaying()],
  ],
  'post /pay/rpc': [
    ['/pay/rpc', 200, { jsonrpc: '2.0', id: 1, method: 'eth_chainId' }],
    ['/pay/rpc', 400, { jsonrpc: '1.0', id: 1, method: 'eth_chainId' }],
  ],
  'post /pay/faucet': [
    ['/pay/faucet', 200, { address: owner }],
    ['/pay/faucet', 400, { address: '0x' }],
  ],
  'post /llm/escrow': [
    ['/llm/escrow', 200, { job: 'j', provider: escrowed.provider, units: 5, price_credits: '0.25', deadline: 60 }],
    ['/llm/escrow', 400, { job: 'j', provider: escrowed.provider, units: -5, price_credits: '0.25', deadline: 60 }],
    ['/llm/escrow', 401, {}, signOut],
  ],
  'post /llm/release': [
    ['/llm/release', 200, { job: 'j', units: 4 }],
    ['/llm/release', 400, { job: 'j', units: 0.5 }],
  ],
  'post /llm/refund': [['/llm/refund', 409, { job: 'j' }]],
  'get /pay/sponsor': [['/pay/sponsor', 200]],
  'post /pay/sponsor': [
    ['/pay/sponsor', 200, { action: 'open' }],
    ['/pay/sponsor', 422, { action: 'settle' }],
  ],
  'post /pay/orders': [
    ['/pay/orders', 200, { order: {}, claims: [], signature: '0x' }],
    ['/pay/orders', 422, { order: {} }],
  ],
  'get /v1/openapi.json': [['/v1/openapi.json', 200]],
  'get /v1/reference': [['/v1/reference', 200]],
  'get /health': [
    ['/health', 200],
    ['/health', 503, undefined, drain],
  ],
  'get /ready': [
    ['/ready', 200],
    ['/ready', 503, undefined, drain],
  ],
  'get /metrics': [['/metrics', 200]],
  'get /relay.json': [['/relay.json', 200]],
};

const readDocument = async (one: Scene) => (await send(one, 'get', '/v1/openapi.json')).json();
const operationsOf = (document: { readonly paths: object }): Readonly<Record<string, Operation>> =>
  Object.fromEntries(
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods as Readonly<Record<string, Operation>>).map(([method, one]) => [`${method} ${path}`, one]),
    ),
  );

test('the document names every route that has an answer, and none besides', async () => {
  const one = scene();
  const documented = Object.keys(operationsOf(await readDocument(one)));
  const routed = one.gateway.routes.map((route) => {
    const [method, path] = route.split(' ') as [string, string];
    return `${method.toLowerCase()} ${path.replace(/:(\w+)(\{[^}]*\})?/g, '{$1}')}`;
  });
  const unserved = routed.filter((route) => /^post \/(v1\/(audio|images)|render|voice)\//.test(route));
  expect(unserved).toHaveLength(12);
  expect(documented.toSorted()).toEqual(routed.filter((route) => !unserved.includes(route)).toSorted());
  expect(Object.keys(cases).toSorted()).toEqual(documented.toSorted());
});

const events = async (response: Response): Promise<readonly object[]> => {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  // The feed does not end.
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    text += read.value;
    if (text.startsWith(': feed')) break;
  }
  await reader.cancel();
  return [...text.matchAll(/^data: (\{.*)$/gm)].map(([, data]) => JSON.parse(data!) as object);
};

const played = Object.entries(cases).flatMap(([name, all]) =>
  all.map(([path, status, body, before]) => ({ name, path, status, body, before })),
);
test.each(played)('$name: $path answers $status as the document says', async ({ name, path, status, body, before }) => {
  const one = scene();
  const document = await readDocument(one);
  const operation = operationsOf(document)[name]!;
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema(document, 'document');
  const assertFits = (schema: object, value: unknown) => {
    const at = (schema as { readonly $ref?: string }).$ref;
    const validate = ajv.compile(at === undefined ? schema : { $ref: `document${at}` });
    expect(validate(value), `${ajv.errorsText(validate.errors)} in ${JSON.stringify(value)}`).toBe(true);
  };
  before?.(one);
  const response = await send(one, name.split(' ')[0]!, path, body);
  expect(response.status).toBe(status);
  const { content } = operation.responses[status] ?? operation.responses['default']!;
  const sent = operation.requestBody?.content['application/json']?.schema;
  if (sent && status < 300) assertFits(sent, body);
  if (content === undefined) return expect(await response.text()).toBe('');
  const type = response.headers.get('content-type')!.split(';')[0]!;
  expect(Object.keys(content)).toContain(type);
  const { schema } = content[type]!;
  if (type === 'application/json') return assertFits(schema, await response.json());
  if (type !== 'text/event-stream') return expect(await response.text()).not.toBe('');
  const sentEvents = await events(response);
  expect(sentEvents.length).toBeGreaterThan(0);
  for (const event of sentEvents) assertFits(schema, event);
});

test('an answer with a member that the document does not name would be noticed', async () => {
  const document = await readDocument(scene());
  const { schema } = operationsOf(document)['get /v1/activity']!.responses['200']!.content!['application/json']!;
  const validate = new Ajv2020({ strict: false }).compile(schema);
  expect(validate({ object: 'list', data: [] })).toBe(true);
  expect(validate({ object: 'list', data: [], more: 1 })).toBe(false);
});

test('the page shows what goes in and what comes out', async () => {
  const text = await (await send(scene(), 'get', '/v1/reference')).text();
  for (const shown of ['hours', 'caps.requests_per_day', 'data[].tokens_in', 'tabloom.parts', 'expires_at']) {
    expect(text).toContain(`<code>${shown}</code>`);
  }
  expect(text).toContain('integer from 1 to 744');
  // What may be null beside another type is named by that.
  expect(text).toContain('<code>stream</code></td><td>boolean</td>');
});
