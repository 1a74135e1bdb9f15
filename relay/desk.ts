import { createHmac } from 'node:crypto';
import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import { catalog } from '#lib/engine/catalog.ts';
import type { Peer } from '#lib/peer/peer.ts';
import type { TierCheck } from '#lib/peer/tiers/check.ts';
import { decodeCbor } from '#lib/protocol/cbor.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { receiptSchema } from '#lib/protocol/receipt.ts';
import { build } from '#lib/protocol/version.ts';
import { loadListings } from './listings.ts';
import { createGateway, type Gateway, type GatewayComponents } from './gateway/app.ts';
import { createJobRegistry, type JobRegistry } from './gateway/job-registry.ts';
import { createModelList } from './gateway/model-list.ts';
import { createRateLimits } from './gateway/rate-limits.ts';
import { createReceiptIndex, type ReceiptIndex } from './gateway/receipts.ts';
import type { Health } from './gateway/routes/status-bodies.ts';
import type { PricedTask } from './gateway/tasks.ts';
import type { Guard } from './http/guard.ts';
import { createSpending } from './job-allowance.ts';
import { createActivity, type JobUsage } from './ledger/activity.ts';
import { createAnswerStore } from './ledger/answers.ts';
import { createCreditBook } from './ledger/credits.ts';
import { createEscrowBook, type EscrowBook } from './ledger/escrows.ts';
import { createKeyBook } from './ledger/keys.ts';
import { createLease } from './ledger/lease.ts';
import { createLedger } from './ledger/ledger.ts';
import { levyTold } from './ledger/levy.ts';
import { drawMark } from './ledger/mark.ts';
import { createPermitBook } from './ledger/permits.ts';
import { createSessionBook } from './ledger/sessions.ts';
import { settledDays } from './ledger/settled.ts';
import { inTime } from './ledger/unavailable.ts';
import { watchWritable } from './ledger/writable.ts';
import type { NativeProvider } from './native-provider.ts';
import type { MarkedJobs } from './own-native.ts';
import { createPriceBoard } from './price-board.ts';
import type { CreditShop } from './credits.ts';
import type { RelayEnv } from './settings/commands.ts';
import { charges } from './settings/credits.ts';
import type { Spender } from './spending.ts';
import type { Stores } from './stores.ts';
import { createMetrics, type Metrics } from './telemetry/metrics.ts';
import type { Undo } from './unwind.ts';
import { createWorkBoard } from './work-board.ts';

/** What a gateway works with: its books, its limits, and its jobs. A relay has one, and so has each of its gateway workers. */
export interface Desk {
  readonly jobs: JobRegistry;
  readonly metrics: Metrics;
  readonly receipts: ReceiptIndex;
  readonly escrows: EscrowBook;
  /** Undefined where nothing costs anything. Not started: one process alone sends to the chain. */
  readonly credits: CreditShop | undefined;
  readonly health: () => Health;
  readonly connectedPeers: () => number;
  /** Refuses new jobs from now on. */
  drain(): void;
  openGateway(rest: GatewayRest): Gateway;
}

/** What only the composition knows. */
export type GatewayRest = Pick<
  GatewayComponents,
  'payments' | 'receipts' | 'health' | 'metrics' | 'relayInfo' | 'site'
>;

export interface DeskInit {
  readonly env: RelayEnv;
  readonly stores: Stores;
  readonly peer: Peer;
  readonly guard: Guard;
  /** Of what callers sign in payments; see {@link challengeSecret}. */
  readonly secret: string;
  readonly tasks: readonly PricedTask[];
  readonly native: () => NativeProvider;
  readonly keepsSlots: boolean;
  /** Whether jobs are offered to its own models before any others. */
  readonly order: 'own-first' | 'best-first';
  readonly marked: MarkedJobs;
  readonly spender?: Spender | undefined;
  /** Undefined where no chain is read, and every tier but the open one is refused. */
  readonly tierCheck?: TierCheck | undefined;
  /** Undefined where audits are not followed. */
  readonly audits?: GatewayComponents['audits'];
  readonly judges?: GatewayComponents['judges'];
  readonly calibrations?: GatewayComponents['calibrations'];
  readonly auditProgress?: GatewayComponents['auditProgress'];
  /** The peer of this relay that sells what others serve. */
  readonly hub?: (() => PeerId | undefined) | undefined;
  /** Its workers that answer requests; none by default. */
  readonly gatewaysReady?: (() => number) | undefined;
  /** When this process started, in milliseconds since the epoch. */
  readonly startedAt: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly undo: Undo;
}

/** Of a relay, from its seed: whoever knows it can make its challenges, and nothing else. */
export const challengeSecret = (seed: Uint8Array): string =>
  createHmac('sha256', seed).update('payment challenges').digest('hex');

/** Ends first what this gateway left open when it was last stopped or killed. @throws as `createCreditShop` does. */
export async function openDesk(init: DeskInit): Promise<Desk> {
  const { env, stores, peer, native, marked, spender, clock, random, logger, signal, undo, startedAt } = init;
  const { database } = stores;
  const { self: gateway, net } = peer;
  const parts = { clock, logger };
  const now = clock.now;

  const connectedPeers = () => new Set(net.status().connections.map((connection) => connection.peer)).size;
  const metrics = createMetrics(() => ({
    jobsRunning: jobs.counts.running,
    nativeRunning: native().running,
    nativeQueued: native().queued,
    peersConnected: connectedPeers(),
    workersServing: peer.directory.entries().filter(({ offer }) => !offer.draining).length,
    modelsBenched: peer.directory
      .entries()
      .flatMap(({ offer }) => offer.models.filter(({ artefact }) => peer.trackRecord.isParked(offer.peer, artefact)))
      .length,
    gatewaysReady: init.gatewaysReady?.() ?? 0,
  }));
  const listingOf = await loadListings(env.LISTINGS, now);
  const receipts = createReceiptIndex(peer.receipts);
  const work = createWorkBoard({ ...parts, db: database, receipts: peer.receipts });
  undo.push(() => work.stop());
  const permits = createPermitBook(database, { now });
  const book = createCreditBook(database, { now });
  const credits = charges(env)
    ? (await import('./credits.ts')).createCreditShop({
        ...parts,
        env,
        book,
        permits,
        mark: () => drawMark(database, random),
        secret: init.secret,
        fetch,
        signal,
      })
    : undefined;
  const ledger = createLedger({
    ...parts,
    db: database,
    gateway,
    cost: credits?.cost ?? free,
    costOnChain: credits?.costOnChain ?? free,
  });
  undo.push(() => ledger.stop());
  const recovered = await ledger.recover((ids) => usageByReceipts(receipts, ids));
  if (recovered > 0) logger.warn('ledger-recovered', { holds: recovered });
  metrics.holdsRecovered('restart', recovered);
  if (env.DATABASE_URL !== undefined) {
    const release = (job: string) => {
      metrics.holdsRecovered('gateway-lost', 1);
      void ledger.close({ job, used: undefined, run: undefined });
    };
    const lease = createLease({ ...parts, db: database, gateway, release });
    await lease.start();
    undo.push(() => lease.stop());
  }
  const escrows = createEscrowBook(database, { now });
  const keys = createKeyBook(database, { now, random });
  const answers = createAnswerStore(database, { gateway, now });
  const rates = createRateLimits({
    requestsPerMinute: env.REQUESTS_PER_MINUTE,
    tokensPerMinute: env.TOKENS_PER_MINUTE,
    requestsPerMinuteTotal: env.REQUESTS_PER_MINUTE_TOTAL,
    redisUrl: env.REDIS_URL,
    logger,
  });
  undo.push(() => rates.stop());
  const jobs = createJobRegistry({
    onOver: metrics.jobOver,
    consumer: peer.consumer,
    metering: ledger,
    answers: { ...answers, claim: (claim) => inTime(answers.claim(claim), clock) },
    clock,
    random,
    jobsPerAddressMax: env.JOBS_PER_ADDRESS,
    jobsPerKeyMax: env.JOBS_PER_KEY,
    bought: marked.bought,
    spending: spender && createSpending({ env, spender, cost: credits?.cost, hub: init.hub }),
    owner: { jobs: marked.owners, peer: () => (init.keepsSlots ? native().self : undefined) },
    nearest: init.order === 'own-first' ? () => native().self : undefined,
  });
  let isDraining = false;

  return {
    jobs,
    metrics,
    receipts,
    escrows,
    credits,
    connectedPeers,
    drain() {
      isDraining = true;
      jobs.drain();
    },
    health() {
      const { state, running, queued, upstream } = native();
      return {
        ok: !isDraining,
        state: isDraining ? 'draining' : 'serving',
        build,
        uptimeMs: Math.round(clock.now() - startedAt),
        peers: connectedPeers(),
        offers: peer.directory.size,
        jobs: { ...jobs.counts },
        native: { ...state, running, queued, ...(upstream ? { upstream } : {}) },
      };
    },
    openGateway: (rest) =>
      createGateway({
        ...parts,
        ...rest,
        guard: init.guard,
        keys: {
          find: (hash) => inTime(keys.find(hash), clock),
          hasOrigin: (origin) => inTime(keys.hasOrigin(origin), clock),
        },
        walletKeys: keys,
        sessions: createSessionBook(database, { now, random }),
        signIn: lateSignIn(env.CHAIN_RPC_URL),
        keysNeeded: env.API_KEYS,
        rates,
        credits,
        escrows,
        chainEscrows: init.spender?.escrows,
        keyUsage: keys.usage,
        ledgerWritable: watchWritable(database, clock),
        prices: createPriceBoard({ settled: (before) => settledDays(database, before), clock }),
        tasks: init.tasks,
        activity: createActivity(database),
        work,
        jobs,
        models: createModelList(
          peer.directory,
          catalog.map(({ name }) => name),
          init.tierCheck?.tiers,
        ),
        explain: peer.consumer.explain,
        directory: peer.directory,
        tierCheck: init.tierCheck,
        audits: init.audits,
        judges: init.judges,
        calibrations: init.calibrations,
        auditProgress: init.auditProgress,
        levy: charges(env) ? () => levyTold(database, { now: now(), subsidyMax: env.AUDIT_SUBSIDY }) : undefined,
        listingOf,
        startedAt,
      }),
  };
}

/** Loaded when a wallet signs in, as what knows a chain is everywhere. */
function lateSignIn(rpcUrl: string | undefined): GatewayComponents['signIn'] {
  const load = async () => (await import('#lib/pay/sign-in.ts')).createSignIn({ rpcUrl, fetch });
  let loading: ReturnType<typeof load> | undefined;
  const loaded = () => (loading ??= load());
  return {
    nonceOf: async (message) => (await loaded()).nonceOf(message),
    verify: async (signed) => (await loaded()).verify(signed),
  };
}

/** Nothing costs anything in the open tier. */
const free = () => 0n;

/** What a job came to, by the receipts that its workers signed; undefined where there is none. */
async function usageByReceipts(receipts: ReceiptIndex, ids: readonly string[]): Promise<JobUsage | undefined> {
  const signed = (await Promise.all(ids.map((id) => receipts.find(id)))).flat();
  if (signed.length === 0) return undefined;
  const each = signed.map(({ receipt }) => decodeCbor(receiptSchema, receipt.payload, 'bad-record'));
  return {
    tokensIn: Math.max(...each.map(({ tokensIn }) => tokensIn)),
    tokensOut: each.reduce((sum, { tokensOut }) => sum + tokensOut, 0),
  };
}
