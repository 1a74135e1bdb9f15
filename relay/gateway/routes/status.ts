import { createHash, timingSafeEqual } from 'node:crypto';
import type { Handler } from 'hono';
import type { z } from 'zod';
import type { Clock } from '#lib/base/clock.ts';
import { capacities } from '#lib/market/capacity.ts';
import type { Directory } from '#lib/market/spec.ts';
import type { AuditProgress } from '#lib/peer/audit/released-jobs.ts';
import type { Consumer } from '#lib/peer/spec.ts';
import type { TierCheck } from '#lib/peer/tiers/check.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { receiptHash } from '#lib/trust/receipt.ts';
import { believedTiers } from '#lib/protocol/believed-tiers.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { Hardware, Offer } from '#lib/protocol/offer.ts';
import type { Payout } from '#lib/protocol/payment.ts';
import { relayInfoSchema, type RelayInfo } from '#lib/protocol/relay-info.ts';
import { describeChecks, writeReceipt } from '../answer.ts';
import { isOfThisMachine, type RequestOrigin } from '../caller.ts';
import { gatewayError } from '../errors.ts';
import { readModel, type ModelList, type ListedModel } from '../model-list.ts';
import type { Payments } from '../payments.ts';
import type { ReceiptIndex } from '../receipts.ts';
import type {
  Health,
  modelListSchema,
  modelSchema,
  networkSchema,
  readySchema,
  receiptListSchema,
  routeSchema,
} from './status-bodies.ts';

/** Who signed that it was checked, and until when that holds in milliseconds since the epoch. */
export interface ModelListing {
  readonly by: PeerId;
  readonly expiresAt: number;
}

export interface ModelsComponents {
  readonly models: ModelList;
  /** The `created` of every model, in milliseconds since the epoch: when this relay started. */
  readonly startedAt: number;
  /** Left out, no model counts as checked. */
  readonly listingOf?: ((artefact: string) => 'catalogue' | ModelListing | undefined) | undefined;
}

/** `GET /v1/models`: the models that are served now. */
export function listModels({ models, ...components }: ModelsComponents): Handler {
  return (context) =>
    context.json<z.output<typeof modelListSchema>>({
      object: 'list',
      data: models.list().map((model) => writeModel(model, components)),
    });
}

/** `GET /v1/models/{id}`, by name or artefact id; names may contain slashes. */
export function showModel({ models, ...components }: ModelsComponents): Handler {
  return (context) => {
    const model = models.find(context.req.param('id') ?? '');
    if (!model) {
      throw wireError('model-not-found', 'This model is not served now. GET /v1/models lists the models that are.', {
        details: { param: 'model' },
      });
    }
    return context.json(writeModel(model, components));
  };
}

const writeModel = (
  { id, ...tabloom }: ListedModel,
  { startedAt, listingOf = () => undefined }: Omit<ModelsComponents, 'models'>,
): z.output<typeof modelSchema> => {
  const listings = tabloom.artefacts.flatMap((artefact) => {
    const found = listingOf(artefact);
    if (found === undefined || found === 'catalogue') return [];
    return { artefact, by: found.by, expires_at: Math.floor(found.expiresAt / 1_000) };
  });
  return {
    id,
    object: 'model',
    created: Math.floor(startedAt / 1_000),
    owned_by: 'tabloom',
    tabloom: {
      ...tabloom,
      listed: tabloom.artefacts.every((artefact) => listingOf(artefact) !== undefined),
      ...(listings.length > 0 ? { listings } : {}),
    },
  };
};

export interface NetworkComponents {
  readonly directory: Pick<Directory, 'entries'>;
  readonly clock: Clock;
  /** Undefined where the relay names no chain. */
  readonly payments?: Pick<Payments, 'registrationOf'> | undefined;
  /** Undefined where tiers are not checked. */
  readonly tierCheck?: Pick<TierCheck, 'tiers' | 'finding' | 'prepare'> | undefined;
}

/** Workers listed by `/v1/network`; the counts are over all of them. */
const workersListedMax = 256;

/**
 * `GET /v1/network`: the capacity of each model, and the workers by their peer ids. Rates, queues and prices are those of
 * the workers' signed offers: measured by themselves, and a claim until this relay has seen it kept.
 */
export function showNetwork({ directory, clock, payments, tierCheck }: NetworkComponents): Handler {
  return (context) => {
    const now = clock.now();
    const serving = directory.entries().filter(({ offer, expiresAt }) => !offer.draining && expiresAt > now);
    const workers = serving
      .toSorted((a, b) => (a.offer.peer < b.offer.peer ? -1 : 1))
      .slice(0, workersListedMax)
      .map(({ offer }) => ({
        peer: offer.peer,
        role: offer.role,
        engine: offer.engine,
        ...(offer.hardware ? { hardware: { ...offer.hardware, status: statusOf(offer.hardware) } } : {}),
        ...checkedTiers(offer, tierCheck),
        models: offer.models,
        ...(offer.payout ? { payout: payoutOf(offer, offer.payout, payments) } : {}),
      }));
    // Shown to the next who asks.
    void tierCheck?.prepare(
      serving.map(({ offer }) => offer),
      'verified',
    );
    context.header('cache-control', 'no-store');
    return context.json<z.output<typeof networkSchema>>({
      object: 'network',
      workers_total: serving.length,
      models: [...capacities(serving, now)],
      workers,
    });
  };
}

function checkedTiers(offer: Offer, tierCheck: NetworkComponents['tierCheck']) {
  const finding = tierCheck?.finding(offer.peer);
  const tiers = [...believedTiers(offer)];
  return finding ? { tiers: [...tiers, 'verified' as const], audit: describeChecks(finding) } : { tiers };
}

function payoutOf(offer: Offer, { chain, provider }: Payout, payments: NetworkComponents['payments']) {
  const registration = payments?.registrationOf(offer);
  return { chain, provider, ...(registration ? { registration } : {}) };
}

/** Words that this version does not know say nothing. */
const statusOf = ({ status }: Hardware): 'claimed' | 'measured' => (status === 'measured' ? 'measured' : 'claimed');

export interface RouteComponents {
  readonly models: ModelList;
  readonly explain: Consumer['explain'];
}

/** `GET /v1/route?model={id}`: why each worker would get a short chat with this model now, or not. */
export function showRoute({ models, explain }: RouteComponents): Handler {
  return (context) => {
    const model = context.req.query('model') ?? 'auto';
    const workers = explain({
      model: readModel(model, models),
      kind: 'chat',
      input: { messages: [{ role: 'user', content: '?' }] },
      params: { maxTokens: 1 },
      tier: 'open',
    });
    context.header('cache-control', 'no-store');
    return context.json<z.output<typeof routeSchema>>({ object: 'route', model, workers });
  };
}

/** Prefixes that formats put before a job's id. */
const answerPrefix = /^(chatcmpl-|cmpl-|resp_)/;

/** `GET /v1/receipts/{id}`, by the id of the job or of its answer: one receipt for each worker that took part. */
export function showReceipts({
  receipts,
  tierCheck,
  auditProgress,
}: Pick<NetworkComponents, 'tierCheck'> & {
  readonly receipts: ReceiptIndex;
  /** Of a job that was released to be checked, by the hash of its receipt. */
  readonly auditProgress?: ((receipt: string) => AuditProgress | undefined) | undefined;
}): Handler {
  return async (context) => {
    const job = (context.req.param('id') ?? '').replace(answerPrefix, '');
    const found = await receipts.find(job);
    if (found.length === 0) {
      throw wireError('job-unknown', 'This relay has no receipt of this job. It keeps those of its last thousand.');
    }
    context.header('cache-control', 'no-store');
    const data = found.map((signed) => {
      const written = writeReceipt(signed);
      // What is known of its worker now; a receipt of the open tier rests on none of it.
      const finding = written.record.tier === 'open' ? undefined : tierCheck?.finding(written.record.worker);
      const released = auditProgress?.(receiptHash(signed.receipt));
      return {
        ...written,
        ...(finding ? { audit: describeChecks(finding) } : {}),
        ...(released ? { released } : {}),
      };
    });
    return context.json<z.output<typeof receiptListSchema>>({ object: 'list', job, data });
  };
}

/** Of other processes too, where some do the relay's work. */
export type ReadHealth = () => Health | Promise<Health>;

/** `GET /health`: 200 while the relay accepts requests, 503 while it is shutting down. */
export function showHealth(health: ReadHealth): Handler {
  return async (context) => {
    const now = await health();
    context.header('cache-control', 'no-store');
    return context.json(now, now.ok ? 200 : 503);
  };
}

export interface ReadyComponents {
  readonly health: ReadHealth;
  /** Whether its ledger can be written, without which no job is taken; left out, it always can. */
  readonly ledgerWritable?: (() => Promise<boolean>) | undefined;
}

/** `GET /ready`: 200 while a request would be served now, 503 where there is no worker or no ledger, and at shutdown. */
export function showReady({ health, ledgerWritable = async () => true }: ReadyComponents): Handler {
  const reasonNow = async () => {
    const { ok, offers } = await health();
    if (!ok) return 'draining';
    if (!(await ledgerWritable())) return 'ledger-unavailable';
    return offers > 0 ? undefined : 'no-worker';
  };
  return async (context) => {
    const reason = await reasonNow();
    context.header('cache-control', 'no-store');
    const body = { ready: reason === undefined, reason: reason ?? null } satisfies z.output<typeof readySchema>;
    return context.json(body, reason === undefined ? 200 : 503);
  };
}

/** What is counted of the gateway, and written down for a monitor. */
export interface GatewayMetrics {
  requestOver(route: string, status: number): void;
  /** In Prometheus's text format. */
  text(): Promise<string>;
  readonly contentType: string;
  /** Opens `/metrics` to other machines. */
  readonly token: string | undefined;
}

/** `GET /metrics`, for this machine, and for others with the token. */
export function showMetrics({ text, contentType, token }: GatewayMetrics): Handler<{ Bindings: RequestOrigin }> {
  return async (context) => {
    const client = context.env.client;
    const given = context.req.header('authorization')?.replace(/^Bearer /i, '') ?? '';
    const isLocal = client !== undefined && isOfThisMachine(client, context.req.raw.headers);
    const isAllowed = isLocal || (token !== undefined && isSame(given, token));
    if (!isAllowed)
      throw gatewayError('not-found', 'Metrics are for the machine of the relay, or by its METRICS_TOKEN.');
    return context.body(await text(), 200, { 'content-type': contentType, 'cache-control': 'no-store' });
  };
}

/** In a time that does not depend on where they differ. */
function isSame(a: string, b: string): boolean {
  const [one, other] = [a, b].map((text) => createHash('sha256').update(text).digest());
  return timingSafeEqual(one!, other!);
}

/** `GET /relay.json`: the relay's identity, from which a tab derives its network address. */
export function showRelayInfo(info: () => RelayInfo): Handler {
  return (context) => {
    context.header('cache-control', 'no-store');
    return context.json(relayInfoSchema.parse(info()));
  };
}
