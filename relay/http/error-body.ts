import { STATUS_CODES } from 'node:http';
import type { OpenAIErrorBody } from '#lib/protocol/openai.ts';

/** OpenAI's error body, used for every error on this port. Codes are written with underscores. */
export function errorBody(
  status: number,
  { code, message, param = null }: { readonly code: string; readonly message: string; readonly param?: string | null },
): OpenAIErrorBody {
  return { error: { message, type: typeOf(status, code), param, code: code.replaceAll('-', '_') } };
}

function typeOf(status: number, code: string): string {
  if (status === 402 || code === 'insufficient-quota') return 'insufficient_quota';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}

/** A complete HTTP/1.1 response for a raw socket that carries the error and closes the connection. */
export function rawErrorResponse(status: number, error: { readonly code: string; readonly message: string }): string {
  const body = JSON.stringify(errorBody(status, error));
  return (
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}
