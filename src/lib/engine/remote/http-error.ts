import { TabloomError } from '#lib/base/errors.ts';
import type { ServerResponse } from './server-url.ts';

const bodyBytesMax = 64 * 1024;
const retryAfterMsMax = 10 * 60_000;

/**
 * Converts a model server's error response into an engine error, reading at most 64 KiB of the body. The server's
 * message is passed on only if it concerns the request, never if it concerns the server itself. `nowMs` (since the
 * epoch) resolves a `Retry-After` date.
 */
export async function httpError(response: ServerResponse, nowMs: number): Promise<TabloomError> {
  const { status } = response;
  const body = await readSome(response);
  const failure = (code: string, message: string, details: object = {}) =>
    new TabloomError(code, message, { details: { status, ...details } });
  if (status === 429 || status === 503) {
    const retryAfterMs = readRetryAfter(response.headers, nowMs);
    return failure(
      'busy',
      'The model server is busy. Try again soon.',
      retryAfterMs === undefined ? {} : { retryAfterMs },
    );
  }
  if (status === 401 || status === 403) {
    return failure('engine-failed', 'The model server rejected the key. Correct it in the settings.');
  }
  if (status === 404) return failure('model-unknown', 'The model server does not have this model or this address.');
  // Every server words it differently: "maximum context length", "exceed_context_size_error", "exceeds the context",
  // "too long".
  if ((status === 400 || status === 413) && /context|too long|maximum.*tokens/i.test(body)) {
    return failure('too-long', 'The conversation exceeds the context of the model. Shorten it.');
  }
  if (status === 400 || status === 413 || status === 422) {
    const reason = readReason(body);
    return failure('bad-request', `The model server rejected the request${reason ? `: ${reason}` : '.'}`);
  }
  return failure('engine-failed', `The model server answered with status ${status}.`);
}

/** `Retry-After` in seconds or as a date, or OpenAI's `retry-after-ms`. */
function readRetryAfter(headers: ServerResponse['headers'], nowMs: number): number | undefined {
  const ms = Number(headers.get('retry-after-ms') ?? NaN);
  const after = headers.get('retry-after') ?? '';
  const waitMs = ms >= 0 ? ms : /^\d+(\.\d+)?$/.test(after) ? Number(after) * 1_000 : Date.parse(after) - nowMs;
  return Number.isFinite(waitMs) ? Math.min(Math.max(0, Math.ceil(waitMs)), retryAfterMsMax) : undefined;
}

/** The message of an error body (OpenAI's form, FastAPI's or plain text) as one printable line. */
function readReason(body: string): string {
  let reason: unknown = body;
  try {
    const { error, message, detail } = JSON.parse(body) ?? {};
    reason = error?.message ?? error ?? message ?? readDetail(detail);
  } catch {
    // Plain text, unless it is an HTML page.
    if (body.trimStart().startsWith('<')) return '';
  }
  const text = typeof reason === 'string' ? reason : '';
  return text
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, 256);
}

/** FastAPI lists what is wrong, each with its place. */
function readDetail(detail: unknown): unknown {
  if (!Array.isArray(detail)) return detail;
  const { loc, msg } = (detail[0] ?? {}) as { readonly loc?: unknown; readonly msg?: unknown };
  const place = Array.isArray(loc) ? loc.filter((step) => step !== 'body').join('.') : '';
  return typeof msg === 'string' && place !== '' ? `${place}: ${msg}` : msg;
}

async function readSome({ body }: ServerResponse): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const bytes of body ?? []) {
      text += decoder.decode(bytes, { stream: true });
      if (text.length >= bodyBytesMax) break;
    }
  } catch {
    // The status is enough if the body breaks off.
  }
  return text;
}
