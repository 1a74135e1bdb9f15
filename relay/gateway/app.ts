import { Hono } from 'hono';
import { errorCode } from '#lib/base/errors.ts';
import type { RelayInfo } from '#lib/protocol/relay-info.ts';
import type { Guard } from '../http/guard.ts';
import { acceptsPage, apiPath, isApiClient, isReading } from './api-path.ts';
import { createBodyBudget } from './body.ts';
import { doorError, toHttpError } from './errors.ts';
import { chatCompletions } from './routes/chat-completions.ts';
import { completions } from './routes/completions.ts';
import { embeddings } from './routes/embeddings.ts';
import type { GenerateComponents } from './routes/generate.ts';
import { showHealth, type Health } from './routes/health.ts';
import { listModels, showModel } from './routes/models.ts';
import { notYet, pathsNotYet } from './routes/not-yet.ts';
import { showRelayInfo } from './routes/relay-info.ts';
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

const postPaths = ['/v1/chat/completions', '/v1/completions', '/v1/embeddings', ...pathsNotYet];

/** Everything HTTP of a relay. One route a file. */
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

  const generating = { ...components, bodies: createBodyBudget() };
  app.post('/v1/chat/completions', chatCompletions(generating));
  app.post('/v1/completions', completions(generating));
  app.post('/v1/embeddings', embeddings(generating));
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
