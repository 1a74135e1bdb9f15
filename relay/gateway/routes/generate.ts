import { createHash } from 'node:crypto';
import type { Context, Handler } from 'hono';
import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { JobState } from '#lib/peer/session/job-state.ts';
import { answerHeaders, type AnswerMetadata } from '../answer.ts';
import { readJson, type BodyBudget } from '../body.ts';
import { collectJob, rejectTrimmed } from '../collect.ts';
import type { Endpoint } from '../endpoint.ts';
import { badRequest } from '../errors.ts';
import type { IdempotencyKey, JobRegistry } from '../job-registry.ts';
import { gatewayLimits } from '../limits.ts';
import type { ModelList } from '../model-list.ts';
import { startStream, streamBody } from '../stream.ts';

export interface GenerateComponents {
  readonly jobs: JobRegistry;
  readonly models: ModelList;
  readonly bodies: BodyBudget;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A route that runs a job on the network, whole or streamed. A client that disconnects stops the engine. */
export function generate({ jobs, models, bodies, clock, logger }: GenerateComponents, endpoint: Endpoint): Handler {
  return async (context) => {
    const request = context.req.raw;
    const { value, text } = await readJson(request, bodies);
    const parsed = endpoint.read(value, request.headers, models);
    const left = new AbortController();
    if (request.signal.aborted) left.abort();
    else request.signal.addEventListener('abort', () => left.abort(), { once: true });

    const key = readKey(context, text);
    const { id, events } = jobs.run(parsed.ask, key, { signal: left.signal });
    const { kind } = parsed.ask;
    logger.info('job-asked', { job: id, kind, model: parsed.model.slice(0, 128), answer: parsed.answer });
    const { model, warnings, maxTokens, format } = parsed;
    // Dated by the job, not the request: a repeated Idempotency-Key gets the same answer, to the second.
    const metadataOf = ({ startedAt = clock.now() }: JobState): AnswerMetadata => ({
      id,
      model,
      created: Math.floor(startedAt / 1_000),
      maxTokens,
      warnings,
    });
    const answering = rejectTrimmed(events, parsed);
    if (parsed.answer === 'whole') {
      const state = await collectJob(answering, parsed);
      return context.json(format.whole(metadataOf(state), state), 200, answerHeaders(id, state));
    }
    const { state, frames } = await startStream(answering, parsed, {
      clock,
      writer: (begun) =>
        format.chunks({ ...metadataOf(begun), model: begun.worker?.model ?? model }, parsed.usageChunk),
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

/** Headers in which clients send their keys, which distinguish one caller from another. */
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
