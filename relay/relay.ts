import { join } from 'node:path';
import { systemClock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { printable } from '#lib/base/printable.ts';
import { systemRandom } from '#lib/base/random.ts';
import { demoModel } from '#lib/engine/catalog.ts';
import { createLocalNets } from '#lib/net/local.ts';
import { smallConnectionsMax, smallNetworkMax } from '#lib/peer/presence/network-size.ts';
import { capacities } from '#lib/market/capacity.ts';
import { createPeer } from '#lib/peer/peer.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { isPublicRelay } from '#lib/protocol/relay-info.ts';
import { build, protocolVersion } from '#lib/protocol/version.ts';
import { announcedAddress, dialAddress, localUrl } from './address.ts';
import { readBackends } from './backends.ts';
import type { NamedChain } from './chain/named-chain.ts';
import { challengeSecret, openDesk } from './desk.ts';
import { installNativeCrypto } from './native-crypto.ts';
import { toNodeListener } from './gateway/node-listener.ts';
import type { Health } from './gateway/routes/status-bodies.ts';
import { checkGateways } from './gateways/check.ts';
import { gatewayPeers, openGateways } from './gateways/gateways.ts';
import type { GatewayPool } from './gateways/pool.ts';
import { createTogether } from './gateways/together.ts';
import { createPassedResolver } from './http/pass-on.ts';
import type { HttpHandlers } from './http/server.ts';
import { createDeadlineWatch } from './ledger/escrows.ts';
import { createIncomeBook } from './ledger/incomes.ts';
import { createSpendBook } from './ledger/spends.ts';
import { createUpkeep } from './ledger/upkeep.ts';
import { rarely } from './live/snapshot.ts';
import { createLogger } from './log.ts';
import { noNativeProvider } from './native-provider.ts';
import { openOwnAudits } from './audit/own-audits.ts';
import { loadSeed } from './node/identity.ts';
import { createRelayNode } from './node/relay.ts';
import { pagesFolder } from './own-files.ts';
import { startOwnNative, type MarkedJobs } from './own-native.ts';
import type { Program, ProgramOptions } from './program.ts';
import { createRelayGuard } from './relay-guard.ts';
import { createRelayList } from './relay-list.ts';
import { openRelayPort } from './relay-port.ts';
import type { RelayEnv } from './settings/commands.ts';
import { earns } from './settings/earning.ts';
import { isHub } from './settings/hub.ts';
import type { Variables } from './settings/read-env.ts';
import { spends } from './settings/spending.ts';
import { createSite } from './site/site.ts';
import { openSqliteStorage } from './storage/sqlite.ts';
import { openStores } from './stores.ts';
import { readTasks } from './tasks.ts';
import { startupBanner } from './terminal.ts';
import { auditTerms, checkAudits } from './audits.ts';
import { unwind, type Undo } from './unwind.ts';

export interface Relay extends Program {
  readonly url: string;
}

export interface RelayOptions extends ProgramOptions {
  /** The one that is named for payments. */
  readonly chain?: NamedChain | undefined;
  /** The settings as they were given, for its other processes. */
  readonly variables: Variables;
}

/**
 * The composition root: real clock, real network, real engine, one port. The port is bound first, since a taken one is
 * the likeliest failure; the native provider and the gateway workers start last, since they are the slowest and the rest need not wait
 * for them.
 * @throws `port-in-use`, `data-in-use`, `data-not-writable`, and whatever else `listen` and the storage throw.
 */
export async function startRelay(env: RelayEnv, { log, chain, variables }: RelayOptions): Promise<Relay> {
  installNativeCrypto();
  const [clock, random, logger] = [systemClock, systemRandom, createLogger(env.LOG_LEVEL, log)];
  const parts = { clock, random, logger };
  const startedAt = clock.now();
  // What is paid elsewhere in here is written to it at the end.
  const undo: Undo = chain ? [() => chain.stop()] : [];
  try {
    checkGateways(env);
    const backends = await readBackends(env);
    const tasks = await readTasks(env.TASKS);
    // Loaded only where something has a price, here and below: what knows a chain takes two seconds to load.
    if (earns(env)) (await import('./earnings.ts')).checkEarning(env);
    if (env.SPONSOR_KEY !== undefined && !chain)
      throw new TabloomError('bad-setting', 'SPONSOR_KEY needs CHAIN, the chain on which it sends for others.');
    const selling = isHub(env) ? await import('./hub.ts') : undefined;
    selling?.checkHub(env);
    await checkAudits(env);
    const paying = spends(env) ? await import('./spending.ts') : undefined;
    paying?.checkSpending(env);
    const guard = createRelayGuard(env);
    let node: ReturnType<typeof createRelayNode> | undefined;
    let pool: GatewayPool | undefined;
    const port = await openRelayPort({
      env,
      guard,
      accept: () => node?.accept,
      share: env.GATEWAYS > 0 ? (connection) => pool?.share(connection) ?? false : undefined,
      clock,
      logger,
    });
    const { http } = port;
    undo.push(() => http.close());

    const stores = await openStores(env, undo);
    const { checkpoints, storage, database } = stores;
    const seed = await loadSeed(env.DATA_DIR, 'relay.key');
    const gateways = await gatewayPeers(env);
    const signer = createSigner(seed);
    const announce = announcedAddress(env.HOST, http.port, env.PUBLIC_URL);
    const local = createLocalNets();
    const life = new AbortController();
    undo.push(() => life.abort());
    const others = createRelayList({ ...parts, urls: env.RELAYS, fetch, signal: life.signal });
    node = createRelayNode({
      ...parts,
      seed,
      local,
      announce: [announce],
      // Every relay of a network may be started with the same list.
      relays: async () => (await others.addresses()).filter((address) => !address.endsWith(`/p2p/${signer.peer}`)),
      wakeups: others.onFound,
      gateways: new Set(gateways),
    });
    const net = node;
    const here = `${dialAddress(env.HOST, http.port)}/p2p/${net.self}`;
    const network = () => (net.status().connections.length <= smallConnectionsMax ? 'small' : 'large');
    const publicRelays = () =>
      net.status().relays.flatMap(({ addr, state }) => (state === 'connected' && isPublicRelay(addr) ? [addr] : []));
    let native = noNativeProvider;
    const marked: MarkedJobs = { owners: new Set(), bought: new Set() };
    const spendBook = createSpendBook(database, {
      gateway: net.self,
      now: clock.now,
      subsidyMax: env.AUDIT_SUBSIDY,
    });
    const spender = await paying?.createSpender({ ...parts, env, storage, book: spendBook, fetch });
    if (spender) undo.push(() => spender.stop());
    const { scorer, book, judges, calibrations, tierCheck, audits } = await openOwnAudits({
      ...parts,
      env,
      self: net.self,
      chain: chain?.chain ?? spender?.chain,
      native: () => native,
      directory: () => peer.directory,
      storage,
      fetch,
      gateways,
      onAppealed: (audits) => pool?.tell({ type: 'appealed', audits }),
    });
    const peer = await createPeer({
      ...parts,
      net,
      signer,
      scorer,
      storage,
      role: 'native',
      isGratis: (worker) => worker === native.self,
      purse: spender?.purse,
      tierCheck,
      onCanary: audits.onCanary,
      onReleased: audits.onReleased,
      payCanary: spender?.payCanary,
      discovery: 'server',
      network,
    });
    await peer.start();
    undo.push(() => peer.stop());
    undo.push(() => audits.stop());
    await audits.start({ peer, signer });
    const auditsTold = await auditTerms(env, chain?.chain.entry.id);

    // Model servers are the workers', where there are any: each asks its part of them in memory.
    if (env.NATIVE !== 'off' && !(env.GATEWAYS > 0 && backends.length > 0)) {
      const siblings = new Set(gateways);
      native = startOwnNative({ ...parts, env, backends, peer, local, relays: [here], siblings, marked, checkpoints });
    }
    const hub =
      selling && spender
        ? await selling.startHub({
            ...parts,
            env,
            storage: openSqliteStorage(join(env.DATA_DIR, 'hub.db'), checkpoints),
            seed: await loadSeed(env.DATA_DIR, 'hub.key'),
            net: { relays: () => [here], local },
            gateway: net.self,
            spender,
            incomes: createIncomeBook(database, { now: clock.now }),
            fetch,
          })
        : undefined;
    if (hub) undo.push(() => hub.stop({ signal: AbortSignal.timeout(abortMs) }));
    const payments = await chain?.payments({ env, storage, logger });
    if (payments) undo.push(() => payments.stop());
    const secret = challengeSecret(seed);
    const desk = await openDesk({
      ...parts,
      env,
      stores,
      peer,
      guard,
      secret,
      tasks,
      native: () => native,
      keepsSlots: backends.some(({ reserve }) => reserve > 0),
      order: 'best-first',
      marked,
      spender,
      tierCheck,
      audits: auditsTold && book,
      judges: judges.entries,
      calibrations,
      auditProgress: audits.progress,
      hub: () => hub?.self,
      gatewaysReady: () => pool?.workers.ready ?? 0,
      startedAt,
      signal: life.signal,
      undo,
    });
    const { jobs } = desk;
    desk.credits?.start();
    payments?.start();
    spender?.start();
    const upkeep = createUpkeep({
      db: database,
      days: env.LEDGER_DAYS,
      clock,
      logger,
      onFolded: desk.metrics.jobsFolded,
    });
    upkeep.start();
    const deadlines = createDeadlineWatch({ book: desk.escrows, clock, logger });
    deadlines.start();
    undo.push(() => deadlines.stop());
    undo.push(() => upkeep.stop());
    const capacity = rarely(clock, 2_000, () => capacities(peer.directory.entries(), clock.now()));
    const site = await createSite(pagesFolder);
    if (site.fileCount === 0) logger.warn('pages-not-built');
    let onPassed: HttpHandlers['onRequest'] = (_request, response) => void response.destroy();
    if (env.GATEWAYS > 0) {
      pool = await openGateways({
        env,
        variables,
        self: net.self,
        relay: here,
        secret,
        chain: chain?.chain.entry.id,
        peers: gateways,
        onRequest: (request, response) => onPassed(request, response),
        onUpgrade: port.onHandedUpgrade,
        log,
        clock,
        logger,
        undo,
      });
    }
    const told = pool ? createTogether({ ...desk, pool }) : undefined;
    const gateway = desk.openGateway({
      payments,
      receipts: told?.receipts ?? desk.receipts,
      health: told?.health ?? desk.health,
      metrics: { ...desk.metrics, ...told?.metrics, token: env.METRICS_TOKEN },
      relayInfo: () => ({
        peer: net.self,
        build,
        protocol: protocolVersion,
        network: peer.directory.size <= smallNetworkMax ? network() : 'large',
        relays: publicRelays(),
        ...(payments ? { payments: payments.info } : {}),
        // Tabs know but one pace.
        ...(auditsTold && env.AUDIT_PACE === 1 ? { audits: auditsTold } : {}),
      }),
      site: site.respond,
    });
    onPassed = toNodeListener(gateway, createPassedResolver(port.resolveClient));
    port.answerWith(toNodeListener(gateway, port.resolveClient));
    logger.info('relay-serving', { port: http.port, peer: net.self });
    pool?.start();

    let stopping: Promise<void> | undefined;
    const stop = async () => {
      desk.drain();
      http.drain();
      const overtime = AbortSignal.timeout(env.SHUTDOWN_SECONDS * 1_000);
      // In this order: answers that clients of this gateway are waiting for may still have to find a worker.
      native.closeToOthers();
      await Promise.all([
        jobs.idle({ signal: overtime }).catch(() => undefined),
        pool?.stop({ signal: AbortSignal.timeout(env.SHUTDOWN_SECONDS * 1_000 + workerEndMs) }),
      ]);
      await Promise.all([native.stop({ signal: overtime }), hub?.stop({ signal: overtime })]);
      jobs.abort(wireError('draining', 'This relay stopped before the answer had ended. Ask another one.'));
      // So that each of them is closed in the ledger too.
      await jobs.idle({ signal: AbortSignal.timeout(abortMs) }).catch(() => undefined);
      await unwind(undo);
    };
    const url = localUrl(env.HOST, http.port);
    // Which models a server has is known later, where it is not said.
    const modelName = backends.length === 0 ? demoModel.name : (env.NATIVE_MODELS[0] ?? 'auto');
    const failure = async () => {
      const [state] = await Promise.all([native.ready, pool?.settled]);
      if (state.state === 'failed') return state.error;
      const { native: theirs } = told ? await told.health() : { native: undefined };
      return theirs?.state === 'failed' ? theirs.error : undefined;
    };
    return {
      url,
      logger,
      banner: startupBanner(url, modelName, env),
      ready: failure().then((error) =>
        error ? `The native model does not answer (${error.code}): ${printable(error.message)}\n` : '',
      ),
      live() {
        const states = told?.states() ?? [];
        const counts = [desk.health(), ...states.map(({ health }) => health)];
        const sum = (of: (health: Health) => number) => counts.reduce((total, health) => total + of(health), 0);
        return {
          uptimeMs: clock.now() - startedAt,
          tokensOut: sum((health) => health.jobs.tokensOut),
          running: sum((health) => health.jobs.running),
          queued: sum((health) => health.native.queued),
          served: sum((health) => health.jobs.finished),
          failed: sum((health) => health.jobs.failed),
          peers: desk.connectedPeers(),
          models: capacity(),
          backends: [native.activity, ...states].find(({ backends }) => backends.length > 0)?.backends ?? [],
        };
      },
      stop: () => (stopping ??= stop()),
    };
  } catch (error) {
    await unwind(undo);
    throw error;
  }
}

const abortMs = 500;
/** After the time that its answers have, a worker closes its files; then it is killed. */
const workerEndMs = 3_000;
