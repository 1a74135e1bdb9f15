import { createHash } from 'node:crypto';
import type { Handler } from 'hono';
import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { JobState } from '#lib/peer/session/job-state.ts';
import { answerHeaders, type AnswerMetadata } from '../answer.ts';
import { assertModelsAllowed, keyTexts } from '../access.ts';
import { readJson, type BodyBudget } from '../body.ts';
import type { Caller, GatewayEnv, HeaderReader } from '../caller.ts';
import { payForJob, type Credits, type JobPayment, type PayableRequest } from '../credits.ts';
import { collectJob } from '../collect.ts';
import { answerInParts } from '../embedding-parts.ts';
import type { Endpoint } from '../endpoint.ts';
import { badRequest } from '../errors.ts';
import type { IdempotencyKey, JobRegistry } from '../job-registry.ts';
import { gatewayLimits } from '../limits.ts';
import type { ModelList } from '../model-list.ts';
import type { RequestRate } from '../rate-limits.ts';
import type { ParsedRequest } from '../request.ts';
import { readTask, taskPrefix, type PricedTask } from '../tasks.ts';
import type { Allowance } from '../spending.ts';
import { withUpstream } from '../upstream.ts';
import { withSettlement } from '../metered.ts';
import { startStream, streamedResponse } from '../stream.ts';
import type { AuditComponents } from './audits.ts';
import { requireChain, type ChainEscrows } from './chain-escrow.ts';
import { walletOf } from './escrow.ts';
import type { Sessions } from './wallet.ts';

export interface GenerateComponents extends Pick<AuditComponents, 'audits'> {
  readonly jobs: JobRegistry;
  readonly models: ModelList;
  readonly bodies: BodyBudget;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly credits?: Credits | undefined;
  /** None by default. */
  readonly tasks?: readonly PricedTask[] | undefined;
  /** Undefined where this relay pays no providers. */
  readonly chainEscrows?: ChainEscrows | undefined;
  readonly sessions: Sessions;
}

/** A request for a job, whichever server has received it. */
export interface JobCall {
  readonly path: string;
  readonly headers: HeaderReader;
  readonly body: AsyncIterable<Uint8Array> | undefined;
  readonly caller: Caller;
  readonly rate: RequestRate | undefined;
  /** Aborts when the client disconnects. */
  readonly left: AbortController;
  /** What a payment is for; called only where one is looked for. */
  readonly payable: () => PayableRequest;
}

/** An answer with the status 200, of which nothing has been written yet. */
export type JobReply = { readonly headers: Record<string, string> } & (
  | { readonly type: 'whole'; readonly body: string }
  | { readonly type: 'streamed'; readonly frames: AsyncGenerator<string> }
);

/** A route that runs a job on the network, whole or streamed. A client that disconnects stops the engine. */
export function generate(components: GenerateComponents, endpoint: Endpoint): Handler<GatewayEnv> {
  const answer = jobAnswers(components, endpoint);
  return async (context) => {
    const { raw } = context.req;
    const left = new AbortController();
    if (raw.signal.aborted) left.abort();
    else raw.signal.addEventListener('abort', () => left.abort(), { once: true });
    const reply = await answer({
      path: context.req.path,
      headers: raw.headers,
      body: context.env?.body ?? raw.body ?? undefined,
      caller: context.get('caller'),
      rate: context.get('rate'),
      left,
      payable: () => raw,
    });
    return reply.type === 'whole'
      ? new Response(reply.body, { headers: reply.headers })
      : streamedResponse(reply.frames, reply.headers, () => left.abort());
  };
}

/** @throws what `toHttpError` knows, before anything has been written. */
export function jobAnswers(components: GenerateComponents, endpoint: Endpoint): (call: JobCall) => Promise<JobReply> {
  const { jobs, models, bodies, clock, logger, credits, tasks = [] } = components;
  const answer = async (call: JobCall): Promise<JobReply> => {
    const arrivedMs = clock.elapsed();
    const { caller, rate, left } = call;
    await rate?.takeRequest();
    const { value, text } = await readJson(call, bodies, call.body);
    // Where jobs cost something, one that fails would have to give back what those before it have cost.
    const parts = credits ? undefined : endpoint.parts?.(value);
    if (parts) return answerInParts(answer, call, parts);
    const asked = readTask(value, tasks);
    const parsed = endpoint.read(asked?.body ?? value, call.headers, models);
    const key = readKey(call, text);
    const { format } = parsed;
    if (parsed.attempts[0].ask.release) assertReleasable(components, caller);
    assertModelsAllowed(caller, parsed.attempts, asked && `${taskPrefix}${asked.task.name}`);
    const attempts = withUpstream(parsed.attempts, caller, models);
    const allow = await payByEscrow(components, call, parsed);
    const price = allow ? 0n : credits && asked?.task.price;
    const tokensIn = Math.ceil((text.length + (asked?.task.template.length ?? 0)) / charactersPerToken);
    const tokensOut = Math.max(...attempts.map(({ maxTokens = 0 }) => maxTokens));
    const endUser = endUserOf(caller, parsed);
    const most = { tokensIn, tokensOut };
    await rate?.takeTokens(tokensIn + tokensOut, endUser);
    const isMeterable = parsed.answer === 'streamed' && key === undefined && price === undefined;
    const paying = allow ? escrowed : payForJob(credits, caller, call.payable, most, { isMeterable, price });
    const payment = await paying.catch((error: unknown) => {
      rate?.giveBack(tokensIn + tokensOut);
      throw error;
    });
    const { metered } = payment;
    const { ids, events, times } = await jobs.run(attempts, key, {
      signal: left.signal,
      caller,
      endUser,
      payer: payment.payer,
      permit: metered?.permit,
      isBought: payment.isBought,
      price,
      allow,
      most,
      onEnd(used, written) {
        rate?.giveBack(tokensIn + tokensOut - (used ? used.tokensIn + used.tokensOut : 0));
        metered?.end(written);
      },
    });
    const receipt = Object.fromEntries(payment.headers);
    const { ask, model } = attempts[0];
    logger.info('job-asked', { job: ids[0], kind: ask.kind, model: model.slice(0, 128), answer: parsed.answer });
    // Dated by the job, not the request: a repeated Idempotency-Key gets the same answer, to the second.
    const metadataOf = ({ job, worker, startedAt = clock.now() }: JobState): AnswerMetadata => {
      const turn = Math.max(0, job ? ids.indexOf(job.id) : 0);
      const { model, maxTokens, warnings } = attempts[turn]!;
      const created = Math.floor(startedAt / 1_000);
      return { id: ids[turn]!, model: worker?.model ?? model, created, maxTokens, warnings };
    };
    // Known when the headers are: what comes later in a stream is not in it.
    const overhead = (): Record<string, string> => {
      if (times?.askedMs === undefined || times.heardMs === undefined) return {};
      const ms = times.askedMs - arrivedMs + (clock.elapsed() - times.heardMs);
      return { 'x-tabloom-overhead-ms': ms.toFixed(1) };
    };
    if (parsed.answer === 'whole') {
      const state = await collectJob(events, parsed);
      const metadata = metadataOf(state);
      const body = JSON.stringify(format.whole(metadata, state));
      const headers = {
        'content-type': 'application/json',
        ...answerHeaders(metadata, state),
        ...overhead(),
        ...receipt,
      };
      return { type: 'whole', body, headers };
    }
    const { state, frames } = await startStream(events, parsed, {
      clock,
      writer: (begun) => format.chunks(metadataOf(begun), parsed.usageChunk),
      signal: left.signal,
    });
    const headers = {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      ...answerHeaders(metadataOf(state), state),
      ...overhead(),
      ...receipt,
    };
    return { type: 'streamed', frames: metered ? withSettlement(frames, metered.settled, clock) : frames, headers };
  };
  return answer;
}

/** Visitors of a page have not been asked, whatever the page says of them. @throws `bad-request`. */
function assertReleasable({ audits }: GenerateComponents, caller: Caller): void {
  if (audits === undefined)
    throw badRequest(
      'This relay follows no audits: nobody would check the answer. Leave out "release".',
      'tabloom.release',
    );
  if (caller.type === 'key' && caller.key.type === 'publishable')
    throw badRequest(
      'What visitors of a page ask is not released with its key. Leave out "release".',
      'tabloom.release',
    );
}

/** Nothing is charged here for what an escrow pays. */
const escrowed: Promise<JobPayment> = Promise.resolve({ isBought: true, payer: undefined, headers: [] });

/** What begins the escrow of a request that names one, of whoever signed it. @throws `payments-unavailable`, `not-signed-in`, `key-limited`. */
async function payByEscrow(
  components: GenerateComponents,
  { caller, headers }: JobCall,
  { escrow: job, attempts }: ParsedRequest,
): Promise<((ids: readonly string[]) => Promise<Allowance>) | undefined> {
  if (job === undefined) return undefined;
  const escrows = requireChain(components);
  const authorization = headers.get('authorization') ?? undefined;
  const payer = await walletOf(components, { caller, authorization });
  const [{ model }, ...others] = attempts;
  if (others.length > 0) throw badRequest('An escrow pays for one model. Leave out "models".', 'models');
  return async (ids) => {
    const { peer, budget, priceMax, end } = await escrows.begin({ payer, job, model }, ids);
    const most = priceMax.toString();
    return { terms: () => ({ budget: budget.toString(), priceMax: { in: most, out: most }, only: peer }), end };
  };
}

/** Visitors of a page share its key, and are told apart by their addresses: what a page says of them is not its owner's word. */
const endUserOf = (caller: Caller, { endUser }: ParsedRequest): string | undefined =>
  caller.type !== 'key' ? undefined : caller.key.type === 'publishable' ? caller.address : endUser;

/** Of a request's JSON, by which its prompt is estimated until the worker has counted it. */
const charactersPerToken = 4;

function readKey({ path, headers }: JobCall, body: string): IdempotencyKey | undefined {
  const key = headers.get('idempotency-key');
  if (key === null) return undefined;
  if (key === '' || key.length > gatewayLimits.idempotencyKeyLengthMax) {
    const range = `1 to ${gatewayLimits.idempotencyKeyLengthMax} characters`;
    throw badRequest(`An Idempotency-Key has ${range}.`, 'Idempotency-Key');
  }
  const scope = createHash('sha256')
    .update(`${path}\n${keyTexts(headers)}`)
    .digest('hex');
  return { scope, key, body };
}
