import type { IncomingMessage, ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { Hono, type Handler } from 'hono';
import { errorCode } from '#lib/base/errors.ts';
import type { RelayInfo } from '#lib/protocol/relay-info.ts';
import type { Guard } from '../http/guard.ts';
import { createBodyBudget } from './body.ts';
import { readChatRequest } from './chat.ts';
import { readCompletionRequest } from './completion.ts';
import { readEmbeddingRequest } from './embedding.ts';
import { doorError, toHttpError } from './errors.ts';
import { generate, type GenerateComponents } from './routes/generate.ts';
import { listModels, showHealth, showModel, showRelayInfo, type Health } from './routes/status.ts';
import { hostCheck, originCheck } from './security.ts';

export interface GatewayComponents extends Omit<GenerateComponents, 'bodies'> {
  readonly guard: Guard;
  readonly startedAt: number;
  readonly health: () => Health;
  readonly relayInfo: () => RelayInfo;
  /** Everything that is not an API: the pages. */
  readonly site: (request: Request) => Promise<Response>;
}

export interface Gateway {
  /** Request in, Response out; no socket. */
  fetch(request: Request): Promise<Response>;
}

/** The routes that ask the network, and how each reads its request. */
const generating = {
  '/v1/chat/completions': readChatRequest,
  '/v1/completions': readCompletionRequest,
  '/v1/embeddings': readEmbeddingRequest,
};

/** Routes of OpenAI's API whose kinds of work the wire knows and nobody does yet. */
const pathsNotYet = [
  '/v1/audio/speech',
  '/v1/audio/transcriptions',
  '/v1/audio/translations',
  '/v1/images/generations',
  '/v1/images/edits',
  '/v1/images/variations',
];

const postPaths = [...Object.keys(generating), ...pathsNotYet];

/** Everything HTTP of a relay. */
export function createGateway(components: GatewayComponents): Gateway {
  const { guard, logger, site } = components;
  const app = new Hono({ getPath: apiPath });

  app.onError((error, context) => {
    const { status, body, retryAfterSeconds } = toHttpError(error);
    // The code alone: messages of broken requests may quote them.
    if (errorCode(error) === 'internal') logger.warn('request-failed', { kind: error.name, path: context.req.path });
    const headers = new Headers({ 'content-type': 'application/json', 'cache-control': 'no-store' });
    if (retryAfterSeconds !== undefined) headers.set('retry-after', String(retryAfterSeconds));
    if (status === 405) headers.set('allow', postPaths.includes(context.req.path) ? 'POST' : 'GET, HEAD');
    return new Response(JSON.stringify(body), { status, headers });
  });

  app.use(hostCheck(guard));
  for (const path of ['/v1/*', '/health', '/relay.json']) app.use(path, originCheck(guard));
  app.use('/v1/*', async (context, next) => {
    await next();
    context.header('x-content-type-options', 'nosniff');
  });

  const generateComponents = { ...components, bodies: createBodyBudget() };
  for (const [path, read] of Object.entries(generating)) app.post(path, generate(generateComponents, read));
  for (const path of pathsNotYet) app.post(path, notYet);
  app.get('/v1/models', listModels(components));
  app.get('/v1/models/:id{.+}', showModel(components));
  app.get('/health', showHealth(components.health));
  app.get('/relay.json', showRelayInfo(components.relayInfo));

  for (const path of [...postPaths, '/v1/models', '/v1/models/:id{.+}', '/health', '/relay.json']) {
    app.all(path, () => {
      throw doorError('method-not-allowed', 'This path does not take this method. See the Allow header.');
    });
  }
  const notFound = () =>
    doorError(
      'not-found',
      'There is no such path here. The API stands at /v1, as in /v1/chat/completions and /v1/models.',
    );
  app.all('/v1/*', () => {
    throw notFound();
  });
  app.all('*', async ({ req: { raw } }) => {
    if (isApiClient(raw) || !isReading(raw.method)) throw notFound();
    const response = await site(raw);
    if (response.status === 404 && !acceptsPage(raw.headers)) throw notFound();
    return response;
  });

  return { fetch: async (request) => app.fetch(request) };
}

/** Says so in a way that a client can tell from a wrong path. The body is not read. */
const notYet: Handler = () => {
  throw doorError(
    'kind-unavailable',
    'Nobody on this network makes or hears sound or draws pictures yet. Text is made at /v1/chat/completions.',
  );
};

/** A gateway as Node's HTTP server calls it. Requests carry a signal that aborts when the client has left. */
export function toNodeListener(gateway: Gateway): (request: IncomingMessage, response: ServerResponse) => void {
  const listener = getRequestListener((request) => gateway.fetch(request), { overrideGlobalObjects: false });
  return (request, response) => void listener(request, response);
}

/**
 * Where a request belongs, whatever base URL its client was given: `https://relay`, `https://relay/` and
 * `https://relay/v1/` are all tried in practice, and lead to the same API. Pages keep their paths for browsers.
 */
function apiPath(request: Request): string {
  const path = new URL(request.url).pathname
    .replace(/\/{2,}/g, '/')
    .replace(/(?<=.)\/$/, '')
    .replace(/^\/v1(?=\/v1(\/|$))/, '');
  if (apiOnly.test(path)) return `/v1${path}`;
  // The one name that the API shares with a page.
  if (/^\/models(\/|$)/.test(path) && (isApiClient(request) || !isReading(request.method))) return `/v1${path}`;
  return path;
}

const apiOnly = /^\/(chat\/completions|completions|embeddings|audio|images|responses|moderations)(\/|$)/;

/** A program with a key or a taste for JSON: it must never be shown a page in place of an answer. */
function isApiClient({ headers }: Request): boolean {
  if (acceptsPage(headers)) return false;
  const bearer = /^bearer /i.test(headers.get('authorization') ?? '');
  return bearer || headers.has('x-api-key') || headers.has('api-key') || /\bjson\b/i.test(headers.get('accept') ?? '');
}

/** What browsers say when somebody goes to an address. */
const acceptsPage = (headers: Headers): boolean => (headers.get('accept') ?? '').includes('text/html');

const isReading = (method: string): boolean => method === 'GET' || method === 'HEAD';
