import { createHash } from 'node:crypto';
import type { Context, Handler } from 'hono';
import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import { collectJob, writeCompletion, type AnswerHead } from '../chat-answer.ts';
import { readChatRequest } from '../chat-request.ts';
import { beginStream, streamBody } from '../chat-stream.ts';
import { readJson } from '../body.ts';
import { badRequest } from '../errors.ts';
import { answerHeaders } from '../extension.ts';
import type { IdempotencyKey, JobBook } from '../job-book.ts';
import { gatewayLimits } from '../limits.ts';
import type { Shelf } from '../shelf.ts';

export interface ChatComponents {
  readonly jobs: JobBook;
  readonly shelf: Shelf;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** `POST /v1/chat/completions`, whole or streamed. A client that goes away stops the engine. */
export function chatCompletions({ jobs, shelf, clock, logger }: ChatComponents): Handler {
  return async (context) => {
    const { value, text } = await readJson(context.req.raw);
    const wish = readChatRequest(value, shelf);
    const left = new AbortController();
    const clientSignal = context.req.raw.signal;
    if (clientSignal.aborted) left.abort();
    else clientSignal.addEventListener('abort', () => left.abort(), { once: true });

    const { id, events } = jobs.run(wish.ask, readKey(context, text), { signal: left.signal });
    logger.info('chat-asked', { job: id, model: wish.model.slice(0, 128), answer: wish.answer });
    const head: AnswerHead = {
      id,
      model: wish.model,
      created: Math.floor(clock.now() / 1_000),
      warnings: wish.warnings,
    };
    if (wish.answer === 'whole') {
      const state = await collectJob(events);
      return context.json(writeCompletion(head, state), 200, answerHeaders(id, state));
    }
    const { state, frames } = await beginStream(head, events, {
      clock,
      usageChunk: wish.usageChunk,
      signal: left.signal,
    });
    return new Response(
      streamBody(frames, () => left.abort()),
      {
        headers: {
          'content-type': 'text/event-stream; charset=utf-8',
          'cache-control': 'no-cache, no-transform',
          'x-accel-buffering': 'no',
          ...answerHeaders(id, state),
        },
      },
    );
  };
}

function readKey(context: Context, body: string): IdempotencyKey | undefined {
  const key = context.req.header('idempotency-key');
  if (key === undefined) return undefined;
  if (key === '' || key.length > gatewayLimits.idempotencyKeyLengthMax) {
    const range = `1 to ${gatewayLimits.idempotencyKeyLengthMax} characters`;
    throw badRequest(`An Idempotency-Key has ${range}.`, 'Idempotency-Key');
  }
  const caller = context.req.header('authorization') ?? '';
  return { scope: createHash('sha256').update(caller).digest('hex'), key, body };
}
