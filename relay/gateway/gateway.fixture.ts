import { setTimeout as sleep } from 'node:timers/promises';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { systemClock, type Clock } from '#lib/base/clock.ts';
import { silentLogger, type Logger } from '#lib/base/logger.ts';
import { seededRandom } from '#lib/base/random.ts';
import { createDirectory } from '#lib/market/directory.ts';
import type { Directory } from '#lib/market/spec.ts';
import type { AskRequest, Consumer, JobEvent } from '#lib/peer/spec.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import type { Job } from '#lib/protocol/job.ts';
import { chat } from '#lib/protocol/kinds/chat.ts';
import { readOffer, writeOffer, type Offer, type OfferedModel } from '#lib/protocol/offer.ts';
import type { FinishReason, Part } from '#lib/protocol/part.ts';
import { createOutputRoot } from '#lib/trust/output-root.ts';
import { issueReceipt } from '#lib/trust/receipt.ts';
import { createGuard } from '../http/guard.ts';
import type { KeyReader } from './access.ts';
import { createGateway, type Gateway, type GatewayComponents } from './app.ts';
import { createJobRegistry, type JobRegistry, type OwnerPart } from './job-registry.ts';
import type { AnswerStore, Metering } from './metering.ts';
import { createModelList } from './model-list.ts';
import type { Sessions } from './routes/wallet.ts';
import type { Spending } from './spending.ts';

/** A gateway over a scripted consumer: no network, no engine, no socket. */
export interface GatewayFixture {
  readonly gateway: Gateway;
  readonly directory: Directory;
  readonly jobs: JobRegistry;
  /** Every job that was asked, in order. */
  readonly asked: readonly AskRequest[];
  readonly logged: readonly string[];
  request(path: string, init?: RequestInit & { readonly host?: string }): Promise<Response>;
  chat(body: object, headers?: Record<string, string>, signal?: AbortSignal): Promise<Response>;
  post(path: string, body: object): Promise<Response>;
}

export type Script = (ask: AskRequest, signal: AbortSignal, clock: Clock) => AsyncGenerator<JobEvent>;

export const worker = createSigner(new Uint8Array(32).fill(7));
export const asker = createSigner(new Uint8Array(32).fill(9));
export const artefact = 'a'.repeat(64);
const engine = { name: 'scripted', build: '1', deviceClass: 'scripted' };

export const ask = (more: object = {}) => ({
  model: 'tabloom-demo',
  messages: [{ role: 'user', content: 'hello' }],
  ...more,
});

export function gatewayFixture(
  script: Script = answers('Hello', ', you'),
  over: Partial<GatewayComponents> & {
    readonly clock?: Clock;
    readonly seed?: number;
    readonly metering?: Metering;
    readonly answers?: AnswerStore;
    readonly owner?: OwnerPart;
    readonly bought?: Set<string>;
    readonly spending?: Spending;
  } = {},
): GatewayFixture {
  const clock = over.clock ?? manualClock();
  const asked: AskRequest[] = [];
  const logged: string[] = [];
  const note = (event: string, fields?: object) => void logged.push(JSON.stringify([event, fields]));
  const logger: Logger = { ...silentLogger, info: note, warn: note };
  const consumer: Consumer = {
    prepare: async () => undefined,
    explain: () => [{ peer: worker.peer, reason: 'chosen' }],
    ask(request, options) {
      asked.push(request);
      return script(request, options?.signal ?? new AbortController().signal, clock);
    },
  };
  const directory = createDirectory({ clock });
  const models = createModelList(directory, ['tabloom-demo', 'catalogued'], over.tierCheck?.tiers);
  const jobs = createJobRegistry({
    consumer,
    metering: over.metering ?? noMetering,
    answers: over.answers ?? noAnswers,
    owner: over.owner,
    bought: over.bought,
    spending: over.spending,
    clock,
    random: seededRandom(over.seed ?? 1),
  });
  const gateway = createGateway({
    metrics: { requestOver: () => undefined, text: async () => 'up 1\n', contentType: 'text/plain', token: undefined },
    guard: createGuard({ bindHost: '127.0.0.1', allowedHosts: [], allowedOrigins: ['https://app.example'] }),
    keys: noKeys,
    keysNeeded: 'optional',
    sessions: noSessions,
    keyUsage: async () => unused,
    prices: async () => [
      { kind: 'llm', model: 'm', price: 250_000n, low: 1n, high: 300_000n, payers: 4, units: 9n, until: 86_400_000 },
    ],
    escrows: { open: noEscrow, release: noEscrow, refund: noEscrow },
    signIn: { nonceOf: (message) => message, verify: async () => 'nobody' },
    walletKeys: {
      create: () => Promise.reject(new Error('no wallet')),
      list: async () => [],
      revoke: async () => false,
    },
    activity: { recent: async () => [], hours: async () => [] },
    work: { top: async () => [] },
    rates: { of: () => undefined, stop: () => undefined },
    jobs,
    models,
    explain: consumer.explain,
    receipts: { find: async () => [] },
    directory,
    clock,
    logger,
    startedAt: clock.now(),
    health: () => ({
      ok: true,
      state: 'serving',
      build: 'test',
      uptimeMs: 0,
      peers: 0,
      offers: directory.entries().length,
      jobs: jobs.counts,
      native: { state: 'off', running: 0, queued: 0 },
    }),
    relayInfo: () => ({ peer: asker.peer, build: 'test', protocol: 1, network: 'small' }),
    site: async () => new Response('a page', { headers: { 'content-type': 'text/html' } }),
    ...over,
  });
  const request: GatewayFixture['request'] = (path, { host = 'localhost:8080', headers, ...init } = {}) =>
    gateway.fetch(new Request(`http://localhost:8080${path}`, { ...init, headers: { host, ...headers } }));
  return {
    gateway,
    directory,
    jobs,
    asked,
    logged,
    request,
    post: (path, body) =>
      request(path, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    chat: (body, headers = {}, signal) =>
      request('/v1/chat/completions', {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json', ...headers },
        ...(signal ? { signal } : {}),
      }),
  };
}

const unused = {
  requestsToday: 0,
  tokensToday: 0,
  requestsTotal: 0,
  tokensTotal: 0,
  unitsThisMonth: 1_250_000n,
  monthEndsAt: 9_000,
};
const noEscrow = () => Promise.reject(new Error('no wallet'));
const noKeys: KeyReader = { find: async () => undefined, hasOrigin: async () => false };
const noSessions: Sessions = {
  drawNonce: async () => ({ nonce: '', expiresAt: 0 }),
  useNonce: async () => false,
  open: async () => ({ token: '', expiresAt: 0 }),
  find: async () => undefined,
  end: async () => undefined,
};
/** None is stored: what this process remembers is all there is. */
const noAnswers: AnswerStore = {
  claim: async () => ({ type: 'claimed' }),
  save: async () => undefined,
  release: async () => undefined,
};
const noMetering: Metering = { hold: async () => undefined, close: async () => undefined };

/** Puts a worker into the directory. */
export function announce(
  directory: Directory,
  clock: Clock,
  models: readonly Partial<OfferedModel>[],
  seed = 7,
  hardware?: Offer['hardware'],
): void {
  const signer = createSigner(new Uint8Array(32).fill(seed));
  const offered = (model: Partial<OfferedModel>): OfferedModel => ({
    artefact,
    name: 'tabloom-demo',
    kinds: ['chat'],
    features: [],
    contextTokens: 512,
    quantisation: 'Q8_0',
    price: { in: '0', out: '0' },
    slots: 1,
    running: 0,
    queued: 0,
    ...model,
  });
  const bytes = writeOffer(
    {
      peer: signer.peer,
      seq: clock.now(),
      issuedAt: clock.now(),
      ttlMs: 45_000,
      role: 'tab',
      draining: false,
      engine,
      models: models.map(offered),
      tiers: ['open'],
      policy: [],
      addrs: [],
      build: '1',
      ...(hardware ? { hardware } : {}),
    },
    signer,
  );
  const { offer, envelope } = readOffer(bytes);
  directory.consider(offer, envelope);
}

/** A worker that accepts the job and answers with the texts, one part each. */
export const answers = (...texts: readonly string[]): Script =>
  async function* (request, _signal, clock) {
    yield* accepted(request, clock);
    yield* texts.map((text) => part(text, clock));
    yield finished(request, texts, clock);
  };

/** A worker that accepts the job and answers with these parts. */
export const answersWith = (parts: readonly Part[], reason: FinishReason = 'stop'): Script =>
  async function* (request, _signal, clock) {
    yield* accepted(request, clock);
    for (const one of parts) yield { type: 'part-received', at: clock.now(), part: one };
    yield { ...finished(request, [], clock), reason } as JobEvent;
  };

/** A worker that accepts the job and sends a token every `everyMs` of the real clock until it is stopped. */
export const endless = (stopped: () => void, everyMs = 1): Script =>
  async function* (request, signal, clock) {
    try {
      yield* accepted(request, clock);
      while (!signal.aborted) {
        await sleep(everyMs);
        yield part('more ', clock);
      }
      yield { type: 'job-cancelled', at: clock.now() };
    } finally {
      stopped();
    }
  };

export function* accepted(request: AskRequest, clock: Clock, attempt = 1): Generator<JobEvent> {
  const at = clock.now();
  yield { type: 'job-routing', at, attempt };
  yield {
    type: 'worker-chosen',
    at,
    job: jobOf(request),
    worker: {
      peer: worker.peer,
      self: false,
      role: 'tab',
      engine,
      model: 'tabloom-demo',
      artefact,
      tier: 'open',
      route: { level: 'established', passed: { stranger: 48, slower: 2 } },
    },
  };
  yield { type: 'channel-opened', at, path: 'direct' };
  yield { type: 'job-accepted', at, position: 0, etaMs: 0 };
}

export const part = (text: string, clock: Clock): JobEvent => ({
  type: 'part-received',
  at: clock.now(),
  part: { type: 'text-delta', text, tokens: 1 },
});

export const failed = (code: string, details?: Record<string, unknown>): JobEvent => ({
  type: 'job-failed',
  at: 0,
  error: { code, message: `It ended with ${code}.`, ...(details ? { details } : {}) },
  rejections: [],
});

export function finished(request: AskRequest, texts: readonly string[], clock: Clock = systemClock): JobEvent {
  const output = createOutputRoot(chat.outputHash);
  for (const text of texts) output.add({ type: 'text-delta', text, tokens: 1 });
  const { envelope: receipt } = issueReceipt(
    {
      job: jobOf(request),
      asker: asker.peer,
      engine,
      output: output.summary(),
      reason: 'stop',
      tokensIn: 5,
      timings: { queuedMs: 0, ttftMs: 1, decodeMs: 1 },
      price: { in: '0', out: '0' },
      issuedAt: clock.now(),
      prevWorker: '0'.repeat(64),
    },
    worker,
  );
  return {
    type: 'job-finished',
    at: clock.now(),
    reason: 'stop',
    usage: { tokensIn: 5, tokensOut: texts.length },
    receipt: { receipt },
    receiptCheck: { signature: true, worker: true, prompt: true, output: true, counts: true, payment: true },
  };
}

const jobOf = (request: AskRequest): Job =>
  ({
    id: request.id ?? '0'.repeat(32),
    artefact,
    model: 'tabloom-demo',
    kind: request.kind,
    input: request.input,
    params: request.params,
    tier: request.tier,
    deadlineMs: 60_000,
    salt: '0'.repeat(32),
  }) as Job;

/** The frames of an event stream: the data of each as JSON (or `[DONE]`), comments as they are. */
export async function readFrames(response: Response): Promise<readonly unknown[]> {
  return (await response.text())
    .split('\n\n')
    .filter((frame) => frame !== '')
    .map((frame) => (frame.startsWith('data: {') ? JSON.parse(frame.slice(6)) : frame));
}
