import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { systemClock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { printable } from '#lib/base/printable.ts';
import { systemRandom } from '#lib/base/random.ts';
import { catalog, demoModel } from '#lib/engine/catalog.ts';
import { createLocalNets } from '#lib/net/local.ts';
import { smallConnectionsMax, smallNetworkMax } from '#lib/peer/presence/network-size.ts';
import { capacities } from '#lib/market/capacity.ts';
import { createPeer } from '#lib/peer/peer.ts';
import { installEd25519 } from '#lib/protocol/ed25519.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { decodeCbor } from '#lib/protocol/cbor.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { receiptSchema } from '#lib/protocol/receipt.ts';
import { isPublicRelay } from '#lib/protocol/relay-info.ts';
import { build, protocolVersion } from '#lib/protocol/version.ts';
import { announcedAddress, dialAddress, localUrl } from './address.ts';
import { createNodeEd25519 } from './ed25519.ts';
import { createGateway, toNodeListener, type GatewayComponents } from './gateway/app.ts';
import { createJobRegistry } from './gateway/job-registry.ts';
import { createModelList } from './gateway/model-list.ts';
import { createRateLimits } from './gateway/rate-limits.ts';
import { createReceiptIndex, type ReceiptIndex } from './gateway/receipts.ts';
import type { Health } from './gateway/routes/status-bodies.ts';
import { createClientAddressResolver, createProxyTest } from './http/client-address.ts';
import { createConnectionLimits } from './http/connection-limits.ts';
import { errorBody } from './http/error-body.ts';
import { createGuard } from './http/guard.ts';
import { listen } from './http/server.ts';
import { createUpgradeHandler } from './http/upgrade.ts';
import type { NamedChain } from './chain/named-chain.ts';
import { ledgerLocation } from './keys.ts';
import { createActivity, type JobUsage } from './ledger/activity.ts';
import { createAnswerStore } from './ledger/answers.ts';
import { openDatabase } from './ledger/database.ts';
import { createCreditBook } from './ledger/credits.ts';
import { createDeadlineWatch, createEscrowBook } from './ledger/escrows.ts';
import { createKeyBook } from './ledger/keys.ts';
import { createLease } from './ledger/lease.ts';
import { createLedger } from './ledger/ledger.ts';
import { createPermitBook } from './ledger/permits.ts';
import { rarely } from './live/snapshot.ts';
import { readBackends } from './backends.ts';
import { createPriceBoard } from './price-board.ts';
import { settledDays } from './ledger/settled.ts';
import { readTasks } from './tasks.ts';
import { createSessionBook } from './ledger/sessions.ts';
import { createIncomeBook } from './ledger/incomes.ts';
import { createSpendBook } from './ledger/spends.ts';
import { createUpkeep } from './ledger/upkeep.ts';
import { createLogger } from './log.ts';
import { bundledModelFile, noNativeProvider, startNativeProvider, waitUntilListed } from './native-provider.ts';
import { loadSeed } from './node/identity.ts';
import { createSpending } from './job-allowance.ts';
import { createRelayNode } from './node/relay.ts';
import { pagesFolder } from './own-files.ts';
import { createRelayList } from './relay-list.ts';
import type { Program, ProgramOptions } from './program.ts';
import type { RelayEnv } from './settings/commands.ts';
import { charges } from './settings/credits.ts';
import { earns } from './settings/earning.ts';
import { isHub } from './settings/hub.ts';
import { spends } from './settings/spending.ts';
import { createSite } from './site/site.ts';
import { createCheckpoints } from './storage/checkpoints.ts';
import { openSqliteStorage } from './storage/sqlite.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { startupBanner } from './terminal.ts';

export interface Relay extends Program {
  readonly url: string;
}

export interface RelayOptions extends ProgramOptions {
  /** The one that is named for payments. */
  readonly chain?: NamedChain | undefined;
}

/**
 * The composition root: real clock, real network, real engine, one port. The port is bound first, since a taken one is
 * the likeliest failure; the native provider starts last, since it is the slowest and the rest need not wait for it.
 * @throws `port-in-use`, `data-in-use`, `data-not-writable`, and whatever else `listen` and the storage throw.
 */
export async function startRelay(env: RelayEnv, { log, chain }: RelayOptions = {}): Promise<Relay> {
  installEd25519(createNodeEd25519());
  const [clock, random, logger] = [systemClock, systemRandom, createLogger(env.LOG_LEVEL, log)];
  const startedAt = clock.now();
  // What is paid elsewhere in here is written to it at the end.
  const undo: (() => Promise<void> | void)[] = chain ? [() => chain.stop()] : [];
  try {
    const backends = await readBackends(env);
    const tasks = await readTasks(env.TASKS);
    // Loaded only where something has a price, here and below: what knows a chain takes two seconds to load.
    if (earns(env)) (await import('./earnings.ts')).checkEarning(env);
    if (env.SPONSOR_KEY !== undefined && !chain)
      throw new TabloomError('bad-setting', 'SPONSOR_KEY needs CHAIN, the chain on which it sends for others.');
    const selling = isHub(env) ? await import('./hub.ts') : undefined;
    selling?.checkHub(env);
    const paying = spends(env) ? await import('./spending.ts') : undefined;
    paying?.checkSpending(env);
    const guard = createGuard({
      bindHost: env.HOST,
      publicUrl: env.PUBLIC_URL,
      allowedHosts: env.ALLOWED_HOSTS,
      // A page of another relay of this network holds this one too.
      allowedOrigins: [...env.ALLOWED_ORIGINS, ...env.RELAYS.map(({ origin }) => origin)],
    });
    const resolveClient = createClientAddressResolver(env.TRUSTED_PROXIES);
    const limitsOf = (perAddressMax: number, opening: 'limited' | 'unlimited') =>
      createConnectionLimits({ clock, perAddressMax, opening });
    const upgrades = createUpgradeHandler({
      guard,
      resolveClient,
      accept: () => node?.accept,
      logger,
      limits: limitsOf(env.CONNECTIONS_PER_ADDRESS, 'limited'),
    });
    let node: ReturnType<typeof createRelayNode> | undefined;
    let onRequest: (request: IncomingMessage, response: ServerResponse) => void = respondStarting;
    const http = await listen({
      host: env.HOST,
      port: env.PORT,
      upgrades,
      // Room for requests beside the network; programs open a connection for each as fast as they like.
      limits: limitsOf(2 * env.CONNECTIONS_PER_ADDRESS, 'unlimited'),
      isProxy: createProxyTest(env.TRUSTED_PROXIES),
      onRequest: (request, response) => onRequest(request, response),
    });
    undo.push(() => http.close());

    const checkpoints = createCheckpoints();
    undo.push(() => checkpoints.stop());
    const storage = openSqliteStorage(join(env.DATA_DIR, 'relay.db'), checkpoints);
    undo.push(() => storage.close());
    const database = await openDatabase({ ...ledgerLocation(env), checkpoints });
    undo.push(() => database.destroy());
    const seed = await loadSeed(env.DATA_DIR, 'relay.key');
    const signer = createSigner(seed);
    const announce = announcedAddress(env.HOST, http.port, env.PUBLIC_URL);
    const local = createLocalNets();
    const life = new AbortController();
    undo.push(() => life.abort());
    const others = createRelayList({ urls: env.RELAYS, fetch, clock, random, logger, signal: life.signal });
    node = createRelayNode({
      seed,
      local,
      announce: [announce],
      // Every relay of a network may be started with the same list.
      relays: async () => (await others.addresses()).filter((address) => !address.endsWith(`/p2p/${signer.peer}`)),
      wakeups: others.onFound,
      clock,
      random,
      logger,
    });
    const net = node;
    const network = () => (net.status().connections.length <= smallConnectionsMax ? 'small' : 'large');
    const publicRelays = () =>
      net.status().relays.flatMap(({ addr, state }) => (state === 'connected' && isPublicRelay(addr) ? [addr] : []));
    let native = noNativeProvider;
    const ownersJobs = new Set<string>();
    const boughtJobs = new Set<string>();
    const owners = new Set(env.OWNER_PEERS);
    const keepsSlots = backends.some(({ reserve }) => reserve > 0);
    const spendBook = createSpendBook(database, { gateway: net.self, now: clock.now });
    const spender = await paying?.createSpender({ env, storage, book: spendBook, clock, random, logger, fetch });
    if (spender) undo.push(() => spender.stop());
    const peer = await createPeer({
      net,
      signer,
      scorer: {
        has: (artefact) => native.scorer.has(artefact),
        score: (...asked) => native.scorer.score(...asked),
      },
      storage,
      clock,
      random,
      logger,
      role: 'native',
      isGratis: (worker) => worker === native.self,
      purse: spender?.purse,
      discovery: 'server',
      network,
    });
    await peer.start();
    undo.push(() => peer.stop());

    if (env.NATIVE !== 'off') {
      native = startNativeProvider({
        open: async () => ({
          storage: openSqliteStorage(join(env.DATA_DIR, 'native.db'), checkpoints),
          seed: await loadSeed(env.DATA_DIR, 'native.key'),
        }),
        modelFile: bundledModelFile,
        hardwareCard: env.HARDWARE_CARD,
        backends,
        net: { relays: () => [`${dialAddress(env.HOST, http.port)}/p2p/${net.self}`], local },
        isGateway: (asker) => asker === net.self || owners.has(asker),
        isOwners: ({ id }, asker) => (asker === net.self ? ownersJobs.has(id) : owners.has(asker)),
        isBought: ({ id }, asker) => asker === net.self && boughtJobs.has(id),
        isExempt: (asker) => asker === net.self || owners.has(asker),
        earn: async (storage) =>
          earns(env)
            ? (await import('./earnings.ts')).createEarnings({ env, storage, clock, logger, fetch })
            : undefined,
        listed: ({ self }, options) =>
          waitUntilListed(
            () => (peer.directory.get(self)?.offer.models.length ?? 0) > 0,
            (listener) => peer.directory.onChange(listener),
            { clock, ...options },
          ),
        clock,
        random,
        logger,
      });
    }
    const hub =
      selling && spender
        ? await selling.startHub({
            env,
            storage: openSqliteStorage(join(env.DATA_DIR, 'hub.db'), checkpoints),
            seed: await loadSeed(env.DATA_DIR, 'hub.key'),
            net: { relays: () => [`${dialAddress(env.HOST, http.port)}/p2p/${net.self}`], local },
            gateway: net.self,
            spender,
            incomes: createIncomeBook(database, { now: clock.now }),
            clock,
            random,
            logger,
            fetch,
          })
        : undefined;
    if (hub) undo.push(() => hub.stop({ signal: AbortSignal.timeout(abortMs) }));
    const metrics = createMetrics(() => ({
      jobsRunning: jobs.counts.running,
      nativeRunning: native.running,
      nativeQueued: native.queued,
      peersConnected: connectedPeers(),
      workersServing: peer.directory.entries().filter(({ offer }) => !offer.draining).length,
    }));
    const receipts = createReceiptIndex(peer.receipts);
    const book = createCreditBook(database, { now: clock.now });
    const { signal } = life;
    const permits = createPermitBook(database, { now: clock.now });
    const credits = charges(env)
      ? (await import('./credits.ts')).createCreditShop({ env, book, permits, seed, clock, logger, fetch, signal })
      : undefined;
    const payments = await chain?.payments({ env, storage, logger });
    if (payments) undo.push(() => payments.stop());
    const ledger = createLedger({
      db: database,
      gateway: net.self,
      cost: credits?.cost ?? free,
      costOnChain: credits?.costOnChain ?? free,
      clock,
      logger,
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
      const lease = createLease({ db: database, gateway: net.self, release, clock, logger });
      await lease.start();
      undo.push(() => lease.stop());
    }
    credits?.start();
    payments?.start();
    spender?.start();
    const upkeep = createUpkeep({
      db: database,
      days: env.LEDGER_DAYS,
      clock,
      logger,
      onFolded: metrics.jobsFolded,
    });
    upkeep.start();
    const escrows = createEscrowBook(database, { now: clock.now });
    const deadlines = createDeadlineWatch({ book: escrows, clock, logger });
    deadlines.start();
    undo.push(() => deadlines.stop());
    undo.push(() => upkeep.stop());
    const keys = createKeyBook(database, { now: clock.now, random });
    const rates = createRateLimits({
      requestsPerMinute: env.REQUESTS_PER_MINUTE,
      tokensPerMinute: env.TOKENS_PER_MINUTE,
      requestsPerMinuteTotal: env.REQUESTS_PER_MINUTE_TOTAL,
      redisUrl: env.REDIS_URL,
      logger,
    });
    undo.push(() => rates.stop());
    let draining = false;
    const jobs = createJobRegistry({
      onOver: metrics.jobOver,
      consumer: peer.consumer,
      metering: ledger,
      answers: createAnswerStore(database, { gateway: net.self, now: clock.now }),
      clock,
      random,
      jobsPerAddressMax: env.JOBS_PER_ADDRESS,
      jobsPerKeyMax: env.JOBS_PER_KEY,
      bought: boughtJobs,
      spending: spender && createSpending({ env, spender, cost: credits?.cost, hub: () => hub?.self }),
      owner: { jobs: ownersJobs, peer: () => (keepsSlots ? native.self : undefined) },
    });
    const connectedPeers = () => new Set(net.status().connections.map((connection) => connection.peer)).size;
    const health = (): Health => {
      const { state, running, queued, upstream } = native;
      return {
        ok: !draining,
        state: draining ? 'draining' : 'serving',
        build,
        uptimeMs: Math.round(clock.now() - startedAt),
        peers: connectedPeers(),
        offers: peer.directory.size,
        jobs: { ...jobs.counts },
        native: { ...state, running, queued, ...(upstream ? { upstream } : {}) },
      };
    };
    const capacity = rarely(clock, 2_000, () => capacities(peer.directory.entries(), clock.now()));
    const models = createModelList(
      peer.directory,
      catalog.map(({ name }) => name),
    );
    const site = await createSite(pagesFolder);
    if (site.fileCount === 0) logger.warn('pages-not-built');
    const gateway = createGateway({
      guard,
      keys,
      walletKeys: keys,
      sessions: createSessionBook(database, { now: clock.now, random }),
      signIn: lateSignIn(env.CHAIN_RPC_URL),
      keysNeeded: env.API_KEYS,
      rates,
      credits,
      payments,
      escrows,
      keyUsage: keys.usage,
      prices: createPriceBoard({ settled: (before) => settledDays(database, before), clock }),
      tasks,
      activity: createActivity(database),
      jobs,
      models,
      explain: peer.consumer.explain,
      receipts,
      directory: peer.directory,
      clock,
      logger,
      startedAt,
      health,
      metrics: { ...metrics, token: env.METRICS_TOKEN },
      relayInfo: () => ({
        peer: net.self,
        build,
        protocol: protocolVersion,
        network: peer.directory.size <= smallNetworkMax ? network() : 'large',
        relays: publicRelays(),
        ...(payments ? { payments: payments.info } : {}),
      }),
      site: site.respond,
    });
    onRequest = toNodeListener(gateway, resolveClient);
    logger.info('relay-serving', { port: http.port, peer: net.self });

    let stopping: Promise<void> | undefined;
    const stop = async () => {
      draining = true;
      jobs.drain();
      http.drain();
      const overtime = AbortSignal.timeout(env.SHUTDOWN_SECONDS * 1_000);
      // In this order: answers that clients of this gateway are waiting for may still have to find a worker.
      native.closeToOthers();
      await jobs.idle({ signal: overtime }).catch(() => undefined);
      await Promise.all([native.stop({ signal: overtime }), hub?.stop({ signal: overtime })]);
      jobs.abort(wireError('draining', 'This relay stopped before the answer had ended. Ask another one.'));
      // So that each of them is closed in the ledger too.
      await jobs.idle({ signal: AbortSignal.timeout(abortMs) }).catch(() => undefined);
      await unwind(undo);
    };
    const url = localUrl(env.HOST, http.port);
    // Which models a server has is known later, where it is not said.
    const modelName = backends.length === 0 ? demoModel.name : (env.NATIVE_MODELS[0] ?? 'auto');
    return {
      url,
      logger,
      banner: startupBanner(url, modelName, env),
      ready: native.ready.then((state) =>
        state.state === 'failed'
          ? `The native model does not answer (${state.error.code}): ${printable(state.error.message)}\n`
          : '',
      ),
      live: () => ({
        uptimeMs: clock.now() - startedAt,
        tokensOut: jobs.counts.tokensOut,
        running: jobs.counts.running,
        queued: native.queued,
        served: jobs.counts.finished,
        failed: jobs.counts.failed,
        peers: connectedPeers(),
        models: capacity(),
        backends: native.activity.backends,
      }),
      stop: () => (stopping ??= stop()),
    };
  } catch (error) {
    await unwind(undo);
    throw error;
  }
}

const abortMs = 500;

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

/** In reverse order; a failure does not stop the rest. */
async function unwind(undo: (() => Promise<void> | void)[]): Promise<void> {
  for (const end of undo.splice(0).toReversed()) {
    try {
      await end();
    } catch {
      // It ends with the process.
    }
  }
}

function respondStarting(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(503, { 'content-type': 'application/json', 'retry-after': '1' });
  const message = 'Tabloom is starting. Try again in a second.';
  response.end(JSON.stringify(errorBody(503, { code: 'starting', message })));
}
