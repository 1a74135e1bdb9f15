import { TabloomError } from '#lib/base/errors.ts';
import type { Answerer, LadderState, ToolCall } from './ladder.ts';
import { readEvents } from './event-stream.ts';
import { collectCalls, parse, readChunk, readError } from './wire.ts';

/** A message in OpenAI's form. */
export interface Message {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: string | null;
  readonly tool_calls?: readonly unknown[] | undefined;
  readonly tool_call_id?: string | undefined;
}

export interface Question {
  readonly messages: readonly Message[];
  readonly model: string;
  readonly maxTokens: number;
  /** In OpenAI's form, as the site gave them. */
  readonly tools: readonly object[];
}

/** What an answer is made of, on every rung. The last one is `finished`. */
export type AnswerPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'answerer'; readonly answerer: Omit<Answerer, 'rung'> }
  | {
      readonly type: 'finished';
      readonly reason: NonNullable<LadderState['reason']>;
      readonly calls: readonly ToolCall[];
    };

export interface HttpTarget {
  readonly url: string;
  /** Publishable; undefined for the site's own endpoint, which keeps its key to itself. */
  readonly key: string | undefined;
  /** Workers to be asked before others. */
  readonly order: readonly string[];
  readonly credentials: RequestCredentials;
}

export interface HttpComponents {
  readonly fetch: typeof globalThis.fetch;
  /** Aborts after so many milliseconds; `AbortSignal.timeout`. */
  readonly timeout: (ms: number) => AbortSignal;
}

/** How long until the headers, in milliseconds: a gateway holds them back for five seconds at most. */
const headersTimeoutMs = 30_000;

/**
 * Asks a gateway, or an endpoint that speaks like one, and yields the answer as it comes.
 * @throws `network-error`, `bad-answer`, `cut-off`, and the codes that the other side names.
 */
export async function* askHttp(
  question: Question,
  { url, key, order, credentials }: HttpTarget,
  { fetch, timeout }: HttpComponents,
  signal: AbortSignal,
): AsyncGenerator<AnswerPart> {
  const answered = new AbortController();
  const late = timeout(headersTimeoutMs);
  const giveUp = () => answered.abort(new TabloomError('timed-out', 'The server did not respond in time.'));
  late.addEventListener('abort', giveUp, { once: true });
  const response = await fetch(url, {
    method: 'POST',
    credentials,
    headers: { 'content-type': 'application/json', ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
    body: JSON.stringify({
      model: question.model,
      messages: question.messages,
      max_tokens: question.maxTokens,
      stream: true,
      ...(order.length > 0 ? { provider: { order } } : {}),
      ...(question.tools.length > 0 ? { tools: question.tools } : {}),
    }),
    signal: AbortSignal.any([signal, answered.signal]),
  }).catch((error: unknown) => {
    if (signal.aborted || answered.signal.aborted) throw error;
    throw new TabloomError('network-error', 'The server cannot be reached from this page.');
  });
  late.removeEventListener('abort', giveUp);
  if (!response.ok) {
    const body = await response.text().catch(() => '');
    throw readError(quietly(body), response.status, response.headers.get('retry-after'));
  }
  yield* readAnswer(response, signal);
}

async function* readAnswer(response: Response, signal: AbortSignal): AsyncGenerator<AnswerPart> {
  const streamed = /event-stream/i.test(response.headers.get('content-type') ?? '');
  const events = streamed && response.body ? readEvents(response.body) : whole(response);
  const calls = collectCalls();
  let reason: string | undefined;
  try {
    for await (const event of events) {
      if (event === '[DONE]') break;
      const chunk = readChunk(event);
      if (chunk.text !== '') yield { type: 'text', text: chunk.text };
      if (chunk.answerer) yield { type: 'answerer', answerer: chunk.answerer };
      for (const call of chunk.calls) calls.add(call);
      reason = chunk.reason ?? reason;
    }
  } catch (error) {
    if (signal.aborted || error instanceof TabloomError) throw error;
    throw new TabloomError('cut-off', 'The connection broke in the middle of the answer.');
  }
  if (reason === undefined) throw new TabloomError('cut-off', 'The answer ended before its end.');
  yield { type: 'finished', reason: toReason(reason), calls: calls.all() };
}

async function* whole(response: Response): AsyncGenerator<string> {
  yield await response.text();
}

const toReason = (reason: string) => (reason === 'length' ? 'length' : reason === 'tool_calls' ? 'tool-calls' : 'stop');

function quietly(body: string): unknown {
  try {
    return parse(body);
  } catch {
    return undefined;
  }
}
