import { TabloomError } from '#lib/base/errors.ts';

const bodyBytesMax = 64 * 1024;
const retryAfterMsMax = 10 * 60_000;

/**
 * A refusal of a model server as an engine error. Reads at most 64 KiB of the body. What a server has to say of the
 * request goes to whoever made it; what it says of itself stays here. `nowMs` since the epoch, for a `Retry-After` that
 * names a date.
 */
export async function httpError(response: Response, nowMs: number): Promise<TabloomError> {
  const { status } = response;
  const said = await readSome(response);
  const is = (code: string, message: string, details: object = {}) =>
    new TabloomError(code, message, { details: { status, ...details } });
  if (status === 429 || status === 503) {
    const retryAfterMs = readRetryAfter(response.headers, nowMs);
    return is('busy', 'The model server is busy. Try again soon.', retryAfterMs === undefined ? {} : { retryAfterMs });
  }
  if (status === 401 || status === 403) {
    return is('engine-failed', 'The model server refuses the key. Correct it in the settings.');
  }
  if (status === 404) return is('model-unknown', 'The model server does not have this model or this address.');
  // Four servers, four wordings: "maximum context length", "exceed_context_size_error", "exceeds the context", "too long".
  if ((status === 400 || status === 413) && /context|too long|maximum.*tokens/i.test(said)) {
    return is('too-long', 'The conversation is longer than the model can read. Shorten it.');
  }
  if (status === 400 || status === 413 || status === 422) {
    const reason = readReason(said);
    return is('bad-request', `The model server refuses this request${reason ? `: ${reason}` : '.'}`);
  }
  return is('engine-failed', `The model server answered with status ${status}.`);
}

/** Seconds, a date, or OpenAI's own milliseconds. */
function readRetryAfter(headers: Headers, nowMs: number): number | undefined {
  const ms = Number(headers.get('retry-after-ms') ?? NaN);
  const after = headers.get('retry-after') ?? '';
  const waitMs = ms >= 0 ? ms : /^\d+(\.\d+)?$/.test(after) ? Number(after) * 1_000 : Date.parse(after) - nowMs;
  return Number.isFinite(waitMs) ? Math.min(Math.max(0, Math.ceil(waitMs)), retryAfterMsMax) : undefined;
}

/** The sentence of an error body, in OpenAI's form, FastAPI's or none, in one printable line. */
function readReason(body: string): string {
  let said: unknown = body;
  try {
    const { error, message, detail } = JSON.parse(body) ?? {};
    said = error?.message ?? error ?? message ?? detail;
  } catch {
    // As it is, unless it is a page.
    if (body.trimStart().startsWith('<')) return '';
  }
  const text = typeof said === 'string' ? said : '';
  return text
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, 256);
}

async function readSome(response: Response): Promise<string> {
  if (!response.body) return '';
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  try {
    while (text.length < bodyBytesMax) {
      const { done, value } = await reader.read();
      if (done) break;
      text += decoder.decode(value, { stream: true });
    }
  } catch {
    // A body that breaks off still has its status.
  } finally {
    await reader.cancel().catch(() => undefined);
  }
  return text;
}
