import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { meteredUsage, neededUnits, termsOf, type Credits, type PayableRequest } from './credits.ts';
import { toHttpError } from './errors.ts';

export interface ErrorReply {
  readonly status: number;
  /** Some may occur twice. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

export interface ErrorReplyInit {
  readonly credits: Credits | undefined;
  readonly logger: Logger;
  readonly path: string;
  readonly payable: () => Pick<PayableRequest, 'url' | 'method'>;
  /** The methods of the path, asked for where the request had another one. */
  readonly allowed: (path: string) => string;
}

/** Any failure of a request as its response. @throws what the terms of a payment throw. */
export async function errorReply(
  error: unknown,
  { credits, logger, path, payable, allowed }: ErrorReplyInit,
): Promise<ErrorReply> {
  const { status, body, retryAfterSeconds } = toHttpError(error);
  // No message: it may quote the request.
  if (errorCode(error) === 'internal') {
    logger.warn('request-failed', { kind: error instanceof Error ? error.name : typeof error, path });
  }
  const headers: (readonly [string, string])[] = [
    ['content-type', 'application/json'],
    ['cache-control', 'no-store'],
  ];
  if (retryAfterSeconds !== undefined) headers.push(['retry-after', String(retryAfterSeconds)]);
  if (status === 401) headers.push(['www-authenticate', 'Bearer']);
  // Clients that retry every 429 would only wait in vain.
  if (body.error.code === 'insufficient_quota') headers.push(['x-should-retry', 'false']);
  if (status === 405) headers.push(['allow', allowed(path)]);
  const units = neededUnits(error);
  if (!credits || units === undefined) return { status, headers, body: JSON.stringify(body) };
  const terms = await termsOf(credits, payable(), units, meteredUsage(error));
  return { status, headers: [...headers, ...terms.headers], body: JSON.stringify({ ...terms.body, ...body }) };
}
