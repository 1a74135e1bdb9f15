import type { Context, MiddlewareHandler } from 'hono';
import type { Guard, AccessDecision } from '../http/guard.ts';
import { keyAdmits, type KeyReader } from './access.ts';
import { gatewayError } from './errors.ts';

/** Refuses hosts that are not names of this relay, on every path. */
export const hostCheck =
  (guard: Guard): MiddlewareHandler =>
  async (context, next) => {
    enforce(guard.checkHost(context.req.header('host')));
    await next();
  };

/**
 * Refuses pages of other sites unless their origin is allowed, by the operator or by the key that they send, answers preflights, and lets allowed origins read
 * responses. The origin is echoed in full, never a wildcard.
 */
export const originCheck =
  (guard: Guard, keys?: KeyReader): MiddlewareHandler =>
  async (context, next) => {
    const origin = context.req.header('origin');
    const decision = guard.checkOrigin({
      host: context.req.header('host'),
      origin,
      fetchSite: context.req.header('sec-fetch-site'),
      method: context.req.method,
    });
    if (!decision.allowed && !(keys && (await keyAdmits(context.req.raw, origin, keys)))) enforce(decision);
    if (context.req.method === 'OPTIONS') return preflight(context, origin);
    await next();
    // On the response itself: through the context it would be copied for each header.
    const { headers } = context.res;
    headers.append('vary', 'Origin');
    if (origin === undefined) return;
    headers.set('access-control-allow-origin', origin);
    headers.set('access-control-expose-headers', exposedHeaders);
  };

const exposedHeaders = [
  'payment-required',
  'payment-response',
  'payment-receipt',
  'www-authenticate',
  'retry-after',
  'x-request-id',
  'x-tabloom-job',
  'x-tabloom-peer',
  'x-tabloom-path',
  'x-tabloom-route',
  'x-tabloom-tier',
  'x-tabloom-warnings',
  ...['limit', 'remaining', 'reset'].flatMap((what) => [`x-ratelimit-${what}-requests`, `x-ratelimit-${what}-tokens`]),
].join(', ');

/**
 * Headers that OpenAI's clients and their derivatives send: keys under three names, client details in `x-stainless-*`, and
 * the names and traces of OpenRouter and Azure. A preflight lists every one of them.
 */
const requestHeader =
  /^(accept|authorization|content-type|idempotency-key|payment-signature|user-agent|(x-)?api-key|http-referer|referer|x-title|x-(client-)?request-id|x-correlation-id|traceparent|tracestate|baggage|openai-[a-z0-9-]{1,40}|x-(stainless|tabloom|openrouter)-[a-z0-9-]{1,40})$/;
const requestHeadersMax = 40;

function preflight(context: Context, origin: string | undefined): Response {
  const wanted = (context.req.header('access-control-request-headers') ?? '')
    .split(',', requestHeadersMax)
    .map((name) => name.trim().toLowerCase())
    .filter((name) => requestHeader.test(name));
  const headers = new Headers({
    allow: 'GET, HEAD, POST, DELETE, OPTIONS',
    vary: 'Origin, Access-Control-Request-Headers',
  });
  if (origin !== undefined) {
    headers.set('access-control-allow-origin', origin);
    headers.set('access-control-allow-methods', 'GET, HEAD, POST, DELETE, OPTIONS');
    headers.set('access-control-max-age', '600');
    if (wanted.length > 0) headers.set('access-control-allow-headers', wanted.join(', '));
    // A public page that calls a machine on the visitor's private network asks for this as well.
    if (context.req.header('access-control-request-private-network') === 'true')
      headers.set('access-control-allow-private-network', 'true');
  }
  return new Response(null, { status: 204, headers });
}

function enforce(decision: AccessDecision): void {
  if (!decision.allowed) throw gatewayError(decision.code, decision.message);
}
