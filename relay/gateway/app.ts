import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Hono, type Handler, type MiddlewareHandler } from 'hono';
import type { AuditProgress } from '#lib/peer/audit/released-jobs.ts';
import type { Consumer } from '#lib/peer/spec.ts';
import type { RelayInfo } from '#lib/protocol/relay-info.ts';
import type { Guard } from '../http/guard.ts';
import { assertAdmitted, identifyCaller, reportRates, requireKey, type AccessComponents } from './access.ts';
import { createBodyBudget } from './body.ts';
import type { Credits } from './credits.ts';
import { createDirectAnswers, type AnswerDirectly, type DirectComponents } from './direct.ts';
import type { GatewayEnv, RequestOrigin } from './caller.ts';
import { chatEndpoint } from './chat.ts';
import { completionEndpoint } from './completion.ts';
import { embeddingEndpoint } from './embedding.ts';
import type { Endpoint } from './endpoint.ts';
import { errorReply } from './error-reply.ts';
import { gatewayError } from './errors.ts';
import { showActivity, streamFeed, type ActivityComponents } from './routes/activity.ts';
import { buyCredits, showCredits } from './routes/credits.ts';
import {
  escrowSteps,
  escrowUnavailable,
  laterKinds,
  openEscrow,
  refundEscrow,
  releaseEscrow,
  type EscrowComponents,
} from './routes/escrow.ts';
import { showKey, type KeyStateComponents } from './routes/key.ts';
import { showPrices, type PriceComponents } from './routes/prices.ts';
import { showAudits, type AuditComponents } from './routes/audits.ts';
import { showLeaderboard, type LeaderboardComponents } from './routes/leaderboard.ts';
import { listTasks } from './routes/tasks.ts';
import { describeRoutes } from './routes/descriptions.ts';
import { generate, jobAnswers, type GenerateComponents } from './routes/generate.ts';
import {
  entrustOrder,
  forwardRpc,
  giveFromFaucet,
  limitPayments,
  quoteSponsor,
  sendSponsored,
} from './routes/payments.ts';
import {
  listModels,
  showHealth,
  showModel,
  showMetrics,
  showNetwork,
  showReady,
  showReceipts,
  showRelayInfo,
  showRoute,
  type GatewayMetrics,
  type ModelsComponents,
  type NetworkComponents,
  type ReadyComponents,
} from './routes/status.ts';
import {
  createWalletKey,
  giveNonce,
  listWalletKeys,
  revokeWalletKey,
  signInWallet,
  signOutWallet,
  type WalletComponents,
} from './routes/wallet.ts';
import { openApiDocument, type OpenApiDocument } from './openapi.ts';
import type { Payments } from './payments.ts';
import { showReference } from './reference.ts';
import type { RateLimits } from './rate-limits.ts';
import type { ReceiptIndex } from './receipts.ts';
import { responsesEndpoint } from './responses/endpoint.ts';
import { hostCheck, originCheck } from './security.ts';

export interface GatewayComponents
  extends
    Omit<GenerateComponents, 'bodies'>,
    NetworkComponents,
    AccessComponents,
    ActivityComponents,
    Omit<WalletComponents, 'bodies'>,
    Omit<EscrowComponents, 'bodies'>,
    KeyStateComponents,
    AuditComponents,
    LeaderboardComponents,
    PriceComponents,
    ReadyComponents {
  readonly guard: Guard;
  /** Whether jobs from other machines need a key. */
  readonly keysNeeded: 'optional' | 'required';
  readonly rates: RateLimits;
  /** Undefined where jobs cost nothing. */
  readonly credits?: Credits | undefined;
  /** Undefined where the relay names no chain. */
  readonly payments?: Payments | undefined;
  readonly explain: Consumer['explain'];
  readonly listingOf?: ModelsComponents['listingOf'];
  readonly receipts: ReceiptIndex;
  readonly auditProgress?: ((receipt: string) => AuditProgress | undefined) | undefined;
  readonly startedAt: number;
  readonly metrics: GatewayMetrics;
  readonly relayInfo: () => RelayInfo;
  /** Everything but the API: the pages. */
  readonly site: (request: Request) => Promise<Response>;
}

export interface Gateway {
  /** Request in, Response out, without a socket. */
  fetch(request: Request, origin?: RequestOrigin): Promise<Response>;
  /** What Node's server has received, where it needs no routes. */
  readonly answerDirectly: AnswerDirectly;
  /** Those of the API that have a handler of their own, as `GET /v1/models/:id`. */
  readonly routes: readonly string[];
}

/** The routes that run a job. */
const endpoints: Readonly<Record<string, Endpoint>> = {
  '/v1/chat/completions': chatEndpoint,
  '/v1/completions': completionEndpoint,
  '/v1/responses': responsesEndpoint,
  '/v1/embeddings': embeddingEndpoint,
};

const paymentPaths = ['/pay/rpc', '/pay/faucet', '/pay/orders'];
const authPaths = ['/v1/auth/nonce', '/v1/auth/sign-in', '/v1/auth/sign-out'];

const escrowPaths = ['llm', ...laterKinds].flatMap((kind) => escrowSteps.map((step) => `/${kind}/${step}`));

/** The methods of a path that exists. */
function allowed(path: string): string {
  if (path === '/v1/credits/buy' || paymentPaths.includes(path)) return 'POST';
  if (path === '/pay/sponsor') return 'GET, HEAD, POST';
  if (path === '/v1/keys') return 'GET, HEAD, POST';
  if (path.startsWith('/v1/keys/')) return 'DELETE';
  return [...postPaths, ...authPaths, ...escrowPaths].includes(path) ? 'POST' : 'GET, HEAD';
}

/** OpenAI routes whose kinds of work the protocol defines but no peer serves yet. */
const unavailablePaths = [
  '/v1/audio/speech',
  '/v1/audio/transcriptions',
  '/v1/audio/translations',
  '/v1/images/generations',
  '/v1/images/edits',
  '/v1/images/variations',
];

const postPaths = [...Object.keys(endpoints), ...unavailablePaths];

/** The relay's HTTP interface: the OpenAI API, health, `/relay.json` and the pages. */
export function createGateway(components: GatewayComponents): Gateway {
  const { guard, keys, keysNeeded, logger, metrics, site, credits } = components;
  const app = new Hono<GatewayEnv>({ getPath: routePath });

  app.onError(async (error, { req: { path, raw } }) => {
    const { status, headers, body } = await errorReply(error, { credits, logger, path, payable: () => raw, allowed });
    return new Response(body, { status, headers: headers.map(([name, value]): [string, string] => [name, value]) });
  });

  app.use(hostCheck(guard));
  app.use('/v1/*', originCheck(guard, keys), identifyCaller(components));
  for (const path of escrowPaths) {
    app.use(path, originCheck(guard, keys), identifyCaller(components), reportRates(components.rates));
  }
  for (const path of ['/health', '/ready', '/metrics', '/relay.json']) app.use(path, originCheck(guard));
  app.use('/pay/*', originCheck(guard), identifyCaller(components));
  const labelOf: DirectComponents['label'] = (path, status, isNamed) => {
    metrics.requestOver(routeLabel(path), status);
    const names = isNamed ? [] : ([['x-request-id', randomUUID()]] as const);
    return [['x-content-type-options', 'nosniff'], ...names];
  };
  const label: MiddlewareHandler<GatewayEnv> = async (context, next) => {
    await next();
    const { headers, status } = context.res;
    for (const [name, value] of labelOf(context.req.path, status, headers.has('x-request-id')))
      headers.set(name, value);
  };
  for (const path of ['/v1/*', ...escrowPaths]) app.use(path, label);

  const generateComponents = { ...components, bodies: createBodyBudget() };
  for (const [path, one] of Object.entries(endpoints)) {
    app.post(path, requireKey(keysNeeded, credits), reportRates(components.rates), generate(generateComponents, one));
  }
  for (const path of unavailablePaths) app.post(path, kindUnavailable);
  app.get('/v1/models', listModels(components));
  app.get('/v1/models/:id{.+}', showModel(components));
  app.get('/v1/prices', showPrices(components));
  app.get('/v1/tasks', listTasks(components.tasks ?? []));
  app.get('/v1/network', showNetwork(components));
  app.get('/v1/audits', showAudits(components));
  app.get('/v1/leaderboard', showLeaderboard(components));
  app.get('/v1/route', showRoute(components));
  app.use('/v1/auth/*', reportRates(components.rates));
  app.post('/v1/auth/nonce', giveNonce(generateComponents));
  app.post('/v1/auth/sign-in', signInWallet(generateComponents));
  app.post('/v1/auth/sign-out', signOutWallet(generateComponents));
  app.get('/v1/key', showKey(components));
  app.get('/v1/keys', listWalletKeys(generateComponents));
  app.post('/v1/keys', createWalletKey(generateComponents));
  app.delete('/v1/keys/:id', revokeWalletKey(generateComponents));
  app.get('/v1/credits', showCredits(generateComponents));
  app.post('/v1/credits/buy', reportRates(components.rates), buyCredits(generateComponents));
  const limited = limitPayments(components.payments);
  app.post('/pay/rpc', limited, forwardRpc(generateComponents));
  app.post('/pay/faucet', limited, giveFromFaucet(generateComponents));
  app.get('/pay/sponsor', limited, quoteSponsor(generateComponents));
  app.post('/pay/sponsor', limited, sendSponsored(generateComponents));
  app.post('/pay/orders', limited, entrustOrder(generateComponents));
  app.post('/llm/escrow', openEscrow(generateComponents));
  app.post('/llm/release', releaseEscrow(generateComponents));
  app.post('/llm/refund', refundEscrow(generateComponents));
  for (const kind of laterKinds) for (const step of escrowSteps) app.post(`/${kind}/${step}`, escrowUnavailable);
  app.get('/v1/activity', showActivity(components));
  app.get('/v1/feed', streamFeed(components));
  app.get('/v1/receipts/:id', showReceipts(components));
  let document: OpenApiDocument | undefined;
  const describeApi = () => (document ??= openApiDocument(describeRoutes(endpoints)));
  app.get('/v1/openapi.json', (context) => context.json(describeApi()));
  app.get('/v1/reference', showReference(describeApi));
  app.get('/health', showHealth(components.health));
  app.get('/ready', showReady(components));
  app.get('/metrics', showMetrics(metrics));
  app.get('/relay.json', showRelayInfo(components.relayInfo));

  for (const path of [
    ...postPaths,
    ...escrowPaths,
    '/v1/models',
    '/v1/models/:id{.+}',
    '/v1/prices',
    '/v1/tasks',
    '/v1/network',
    '/v1/audits',
    '/v1/leaderboard',
    '/v1/route',
    ...authPaths,
    '/v1/key',
    '/v1/keys',
    '/v1/keys/:id',
    '/v1/credits',
    '/v1/credits/buy',
    '/v1/activity',
    '/v1/feed',
    '/v1/receipts/:id',
    '/v1/openapi.json',
    '/v1/reference',
    '/health',
    '/ready',
    '/metrics',
    '/relay.json',
    ...paymentPaths,
    '/pay/sponsor',
  ]) {
    app.all(path, () => {
      throw gatewayError('method-not-allowed', 'This path does not support this method. See the Allow header.');
    });
  }
  app.all('/v1/responses/*', () => {
    throw gatewayError('not-found', 'This relay stores no answers: keep what POST /v1/responses returns.');
  });
  const notFound = () =>
    gatewayError('not-found', 'There is no such path. The API is at /v1, as in /v1/chat/completions and /v1/models.');
  app.all('/v1/*', () => {
    throw notFound();
  });
  app.all('*', async ({ req: { raw } }) => {
    if (isApiClient(raw) || !isSafeMethod(raw.method)) throw notFound();
    const response = await site(raw);
    if (response.status === 404 && !acceptsHtml(raw.headers)) throw notFound();
    return response;
  });

  const routes = app.routes.flatMap(({ method, path }) => (method === 'ALL' ? [] : [`${method} ${path}`]));
  const answers = Object.entries(endpoints).map(([path, one]) => [path, jobAnswers(generateComponents, one)] as const);
  const answerDirectly = createDirectAnswers({
    ...components,
    credits,
    answers: Object.fromEntries(answers),
    admit: (caller, headersOf) => assertAdmitted(keysNeeded, credits, caller, headersOf),
    allowed,
    label: labelOf,
  });
  return {
    fetch: async (request, origin = {}) => app.fetch(request, origin),
    answerDirectly,
    routes: [...new Set(routes)],
  };
}

/** A bounded name for a path: ids are left out. */
const routeLabel = (path: string): string =>
  [...postPaths, ...escrowPaths, '/v1/models', '/v1/network', '/v1/audits', '/v1/route', '/v1/receipts'].find(
    (route) => path === route || path.startsWith(`${route}/`),
  ) ?? 'other';

/** An error that clients can tell from a wrong path. The body is not read. */
const kindUnavailable: Handler = () => {
  throw gatewayError(
    'kind-unavailable',
    'This network does not serve audio or images yet. For text, use /v1/chat/completions.',
  );
};

/**
 * The route of a request, whatever base URL the client was given: `https://relay`, `https://relay/` and
 * `https://relay/v1/` all occur in practice and lead to the same API. Pages keep their paths for browsers.
 */
function routePath(request: Request): string {
  const path = apiPath(new URL(request.url).pathname);
  // The only path that the API shares with a page.
  if (/^\/models(\/|$)/.test(path) && (isApiClient(request) || !isSafeMethod(request.method))) return `/v1${path}`;
  return path;
}

function apiPath(pathname: string): string {
  const path = pathname
    .replace(/\/{2,}/g, '/')
    .replace(/(?<=.)\/$/, '')
    .replace(/^\/v1(?=\/v1(\/|$))/, '');
  return apiOnly.test(path) ? `/v1${path}` : path;
}

/** Whether a request asks for a job, of whatever kind. */
export function isJobRequest({ method, url = '' }: Pick<IncomingMessage, 'method' | 'url'>): boolean {
  if (method !== 'POST') return false;
  const { pathname } = URL.parse(url.startsWith('/') ? `http://localhost${url}` : url) ?? {};
  return pathname !== undefined && Object.hasOwn(endpoints, apiPath(pathname));
}

const apiOnly = /^\/(chat\/completions|completions|embeddings|audio|images|responses|moderations)(\/|$)/;

/** A program that sends a key or accepts JSON: it must never get a page in place of an answer. */
function isApiClient({ headers }: Request): boolean {
  if (acceptsHtml(headers)) return false;
  const bearer = /^bearer /i.test(headers.get('authorization') ?? '');
  return bearer || headers.has('x-api-key') || headers.has('api-key') || /\bjson\b/i.test(headers.get('accept') ?? '');
}

/** True for a browser's navigation request. */
const acceptsHtml = (headers: Headers): boolean => (headers.get('accept') ?? '').includes('text/html');

const isSafeMethod = (method: string): boolean => method === 'GET' || method === 'HEAD';
