import { createHash } from 'node:crypto';
import type { Context, Handler } from 'hono';
import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { JobState } from '#lib/peer/session/job-state.ts';
import { answerHeaders, type AnswerHead } from '../answer.ts';
import { readJson, type BodyBudget } from '../body.ts';
import { collectJob, untrimmed } from '../collect.ts';
import { badRequest } from '../errors.ts';
import type { IdempotencyKey, JobBook } from '../job-registry.ts';
import { gatewayLimits } from '../limits.ts';
import type { Shelf } from '../model-list.ts';
import type { Wish } from '../request.ts';
import { beginStream, streamBody } from '../stream.ts';

export interface GenerateComponents {
  readonly jobs: JobBook;
  readonly shelf: Shelf;
  readonly bodies: BodyBudget;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A route that asks the network, whole or streamed. A client that goes away stops the engine. */
export function generate(
  { jobs, shelf, bodies, clock, logger }: GenerateComponents,
  read: (body: unknown, headers: Headers, shelf: Shelf) => Wish,
): Handler {
  return async (context) => {
    const request = context.req.raw;
    const { value, text } = await readJson(request, bodies);
    const wish = read(value, request.headers, shelf);
    const left = new AbortController();
    if (request.signal.aborted) left.abort();
    else request.signal.addEventListener('abort', () => left.abort(), { once: true });

    const key = readKey(context, text);
    const { id, events } = jobs.run(wish.ask, key, { signal: left.signal });
    const { kind } = wish.ask;
    logger.info('job-asked', { job: id, kind, model: wish.model.slice(0, 128), answer: wish.answer });
    const { model, warnings, maxTokens, form } = wish;
    // By the job, not by the request: who asks again under a key gets the same answer, to the second.
    const headOf = ({ startedAt = clock.now() }: JobState): AnswerHead => ({
      id,
      model,
      created: Math.floor(startedAt / 1_000),
      maxTokens,
      warnings,
    });
    const answering = untrimmed(events, wish);
    if (wish.answer === 'whole') {
      const state = await collectJob(answering, wish);
      return context.json(form.whole(headOf(state), state), 200, answerHeaders(id, state));
    }
    const { state, frames } = await beginStream(answering, wish, {
      clock,
      writer: (begun) => form.chunks({ ...headOf(begun), model: begun.worker?.model ?? model }, wish.usageChunk),
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

/** The names under which clients send their keys: two callers are told apart by them. */
const callerHeaders = ['authorization', 'x-api-key', 'api-key'];

function readKey(context: Context, body: string): IdempotencyKey | undefined {
  const key = context.req.header('idempotency-key');
  if (key === undefined) return undefined;
  if (key === '' || key.length > gatewayLimits.idempotencyKeyLengthMax) {
    const range = `1 to ${gatewayLimits.idempotencyKeyLengthMax} characters`;
    throw badRequest(`An Idempotency-Key has ${range}.`, 'Idempotency-Key');
  }
  const caller = callerHeaders.map((name) => context.req.header(name) ?? '').join('\n');
  const scope = createHash('sha256').update(`${context.req.path}\n${caller}`).digest('hex');
  return { scope, key, body };
}
