import { createHash } from 'node:crypto';
import type { Context, Handler } from 'hono';
import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { JobState } from '#lib/peer/session/job-state.ts';
import { answerHeaders, type AnswerMetadata } from '../answer.ts';
import { assertModelsAllowed, keyTexts } from '../access.ts';
import { readJson, type BodyBudget } from '../body.ts';
import type { Caller, GatewayEnv } from '../caller.ts';
import { payForJob, type Credits, type JobPayment } from '../credits.ts';
import { collectJob } from '../collect.ts';
import type { Endpoint } from '../endpoint.ts';
import { badRequest } from '../errors.ts';
import type { IdempotencyKey, JobRegistry } from '../job-registry.ts';
import { gatewayLimits } from '../limits.ts';
import type { ModelList } from '../model-list.ts';
import type { ParsedRequest } from '../request.ts';
import { readTask, taskPrefix, type PricedTask } from '../tasks.ts';
import type { Allowance } from '../spending.ts';
import { withUpstream } from '../upstream.ts';
import { withSettlement } from '../metered.ts';
import { startStream, streamedResponse } from '../stream.ts';
import { requireChain, type ChainEscrows } from './chain-escrow.ts';
import { walletOf } from './escrow.ts';
import type { Sessions } from './wallet.ts';

export interface GenerateComponents {
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

/** A route that runs a job on the network, whole or streamed. A client that disconnects stops the engine. */
export function generate(components: GenerateComponents, endpoint: Endpoint): Handler<GatewayEnv> {
  const { jobs, models, bodies, clock, logger, credits, tasks = [] } = components;
  return async (context) => {
    const arrivedMs = clock.elapsed();
    const request = context.req.raw;
    const rate = context.get('rate');
    await rate?.takeRequest();
    const { value, text } = await readJson(request, bodies, context.env?.body);
    const asked = readTask(value, tasks);
    const parsed = endpoint.read(asked?.body ?? value, request.headers, models);
    const left = new AbortController();
    if (request.signal.aborted) left.abort();
    else request.signal.addEventListener('abort', () => left.abort(), { once: true });

    const key = readKey(context, text);
    const { format } = parsed;
    const caller = context.get('caller');
    assertModelsAllowed(caller, parsed.attempts, asked && `${taskPrefix}${asked.task.name}`);
    const attempts = withUpstream(parsed.attempts, caller, models);
    const allow = await payByEscrow(components, context, parsed);
    const price = allow ? 0n : credits && asked?.task.price;
    const tokensIn = Math.ceil((text.length + (asked?.task.template.length ?? 0)) / charactersPerToken);
    const tokensOut = Math.max(...attempts.map(({ maxTokens = 0 }) => maxTokens));
    const endUser = endUserOf(caller, parsed);
    const most = { tokensIn, tokensOut };
    await rate?.takeTokens(tokensIn + tokensOut, endUser);
    const isMeterable = parsed.answer === 'streamed' && key === undefined && price === undefined;
    const paying = allow ? escrowed : payForJob(credits, context, most, { isMeterable, price });
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
      const body = format.whole(metadata, state);
      return context.json(body, 200, { ...answerHeaders(metadata, state), ...overhead(), ...receipt });
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
    const written = metered ? withSettlement(frames, metered.settled, clock) : frames;
    return streamedResponse(written, headers, () => left.abort());
  };
}

/** Nothing is charged here for what an escrow pays. */
const escrowed: Promise<JobPayment> = Promise.resolve({ isBought: true, payer: undefined, headers: [] });

/** What begins the escrow of a request that names one, of whoever signed it. @throws `payments-unavailable`, `not-signed-in`, `key-limited`. */
async function payByEscrow(
  components: GenerateComponents,
  context: Context<GatewayEnv>,
  { escrow: job, attempts }: ParsedRequest,
): Promise<((ids: readonly string[]) => Promise<Allowance>) | undefined> {
  if (job === undefined) return undefined;
  const escrows = requireChain(components);
  const payer = await walletOf(components, context);
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

function readKey(context: Context, body: string): IdempotencyKey | undefined {
  const key = context.req.header('idempotency-key');
  if (key === undefined) return undefined;
  if (key === '' || key.length > gatewayLimits.idempotencyKeyLengthMax) {
    const range = `1 to ${gatewayLimits.idempotencyKeyLengthMax} characters`;
    throw badRequest(`An Idempotency-Key has ${range}.`, 'Idempotency-Key');
  }
  const scope = createHash('sha256')
    .update(`${context.req.path}\n${keyTexts(context.req.raw.headers)}`)
    .digest('hex');
  return { scope, key, body };
}
