import type { Handler } from 'hono';
import { z } from 'zod';
import { createQueue, type Queue } from '#lib/base/queue.ts';
import type { Clock } from '#lib/base/clock.ts';
import { gatewayError } from '../errors.ts';
import { parseMember } from '../request.ts';

/** What the ledger tells of jobs that have ended: nothing of their prompts, their answers or who asked. */
export interface ActivityReader {
  /** The newest first. */
  recent(limit: number): Promise<readonly EndedJob[]>;
  /** By hour and model, from the hour that holds `since`, oldest first. */
  hours(since: number): Promise<readonly HourOfModel[]>;
}

export interface EndedJob {
  readonly job: string;
  readonly at: number;
  readonly model: string;
  readonly kind: string;
  readonly peer: string | undefined;
  readonly outcome: 'finished' | 'failed' | 'cancelled';
  readonly tokensIn: number;
  readonly tokensOut: number;
  readonly ms: number;
}

export interface HourOfModel {
  readonly hour: number;
  readonly model: string;
  readonly jobs: number;
  readonly finished: number;
  readonly tokensIn: number;
  readonly tokensOut: number;
}

export interface ActivityComponents {
  readonly activity: ActivityReader;
  readonly clock: Clock;
}

const hourMs = 3_600_000;
const hoursDefault = 24;
const hoursMax = 31 * 24;

const hoursError = `must be a whole number from 1 to ${hoursMax}`;
export const activityQuerySchema = z.object({
  hours: z
    .string()
    .regex(/^\d{1,4}$/, { error: hoursError })
    .transform(Number)
    .pipe(z.number().int().min(1, { error: hoursError }).max(hoursMax, { error: hoursError }))
    .default(hoursDefault),
});

const countSchema = z.number().int().nonnegative();
export const activitySchema = z.object({
  object: z.literal('list'),
  data: z.array(
    z.object({
      /** Its beginning, in seconds since 1970. */
      hour: countSchema,
      model: z.string(),
      jobs: countSchema,
      finished: countSchema,
      tokens_in: countSchema,
      tokens_out: countSchema,
    }),
  ),
});

/** `GET /v1/activity?hours={n}`: jobs and tokens by hour and model, oldest first. */
export function showActivity({ activity, clock }: ActivityComponents): Handler {
  return async (context) => {
    const { hours } = parseMember(activityQuerySchema, { hours: context.req.query('hours') });
    const rows = await activity.hours(clock.now() - (hours - 1) * hourMs);
    context.header('cache-control', 'no-store');
    return context.json<z.output<typeof activitySchema>>({
      object: 'list',
      data: rows.map(({ hour, model, jobs, finished, tokensIn, tokensOut }) => ({
        hour: Math.floor(hour / 1_000),
        model,
        jobs,
        finished,
        tokens_in: tokensIn,
        tokens_out: tokensOut,
      })),
    });
  };
}

const readersMax = 256;
const queuedMax = 256;
const pollMs = 1_000;
const recentMax = 100;
/** Of the jobs before, what a new reader gets at once. */
const firstMax = 20;
const keepaliveMs = 15_000;

/**
 * `GET /v1/feed`: each job as it ends, as server-sent events, from all gateways that share a ledger. It is read once a second
 * for all readers together, and not at all without any. Where more than a hundred end in a second, some are left out.
 */
export function streamFeed({ activity, clock }: ActivityComponents): Handler {
  const readers = new Set<Queue<string>>();
  let seen: ReadonlySet<string> = new Set();
  let latest: readonly EndedJob[] = [];
  let isPolling = false;

  const poll = async () => {
    isPolling = true;
    for (let silentMs = 0; readers.size > 0; silentMs += pollMs) {
      latest = await activity.recent(recentMax).catch(() => latest);
      const ended = latest.filter(({ job }) => !seen.has(job)).toReversed();
      seen = new Set(latest.map(({ job }) => job));
      if (ended.length > 0 || silentMs >= keepaliveMs) {
        silentMs = 0;
        for (const reader of readers) send(reader, ended.length > 0 ? ended.map(writeEvent).join('') : ': ping\n\n');
      }
      await clock.delay(pollMs);
    }
    isPolling = false;
  };

  return async (context) => {
    if (readers.size >= readersMax) throw gatewayError('gateway-busy', 'The feed has as many readers as it can.');
    if (!isPolling) {
      latest = await activity.recent(recentMax);
      seen = new Set(latest.map(({ job }) => job));
    }
    const queue = createQueue<string>(queuedMax);
    send(queue, `: feed\n\n${latest.slice(0, firstMax).toReversed().map(writeEvent).join('')}`);
    readers.add(queue);
    const leave = () => {
      readers.delete(queue);
      queue.end();
    };
    context.req.raw.signal.addEventListener('abort', leave, { once: true });
    if (!isPolling) void poll();
    const encoder = new TextEncoder();
    const texts = queue[Symbol.asyncIterator]();
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { value, done } = await texts.next();
        if (done === true) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
      cancel: leave,
    });
    return new Response(body, {
      headers: {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-cache, no-transform',
        'x-accel-buffering': 'no',
      },
    });
  };
}

/** A reader that does not keep up misses some, and holds up no other. */
function send(queue: Queue<string>, text: string): void {
  if (queue.size < queuedMax && !queue.closed) queue.push(text);
}

/** An event of the feed. `at` is milliseconds since 1970, `ms` from the request to the end. */
export const feedEventSchema = z.object({
  at: countSchema,
  model: z.string(),
  kind: z.string(),
  peer: z.string().nullable(),
  outcome: z.enum(['finished', 'failed', 'cancelled']),
  tokens_in: countSchema,
  tokens_out: countSchema,
  ms: countSchema,
});

const writeEvent = ({ at, model, kind, peer, outcome, tokensIn, tokensOut, ms }: EndedJob): string => {
  const tokens = { tokens_in: tokensIn, tokens_out: tokensOut };
  const body: z.output<typeof feedEventSchema> = { at, model, kind, peer: peer ?? null, outcome, ...tokens, ms };
  return `data: ${JSON.stringify(body)}\n\n`;
};
