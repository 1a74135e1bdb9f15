import { systemClock, type Clock } from '#lib/base/clock.ts';
import { fromErrorRecord, TabloomError } from '#lib/base/errors.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { randomId } from '#lib/base/ids.ts';
import { systemRandom } from '#lib/base/random.ts';
import { loadPart } from '#lib/base/part.ts';
import { withTimeout } from '#lib/base/timeout.ts';
import { readDevice } from '#lib/engine/device.ts';
import {
  browserModel,
  createPromptApiEngine,
  findLanguageModel,
  type LanguageModelApi,
} from '#lib/engine/prompt-api.ts';
import type { Engine, LoadedModel } from '#lib/engine/spec.ts';
import { createStoredModels } from '#lib/engine/stored-models.ts';
import { createWorkerEngine } from '#lib/engine/worker/client.ts';
import { build } from '#lib/protocol/version.ts';
import type { RelayPayments } from '#lib/protocol/relay-info.ts';
import type { Stored } from '#lib/state/app.svelte.ts';
import type { Tab } from '#lib/state/tab.ts';
import { directTimeoutMs, type RelayAnswer } from './ask-relay.ts';
import { createAsking, type AskingComponents } from './asking.ts';
import { watchBadge } from './badge.ts';
import { watchBackground } from './background-tone.ts';
import { benchmark } from './benchmark.ts';
import { browserChannel, browserStores, clearAreas, deleteData, exportData } from './browser-stores.ts';
import { createCorrectedClock, keepComparing } from './clock-offset.ts';
import { examineDevice } from './device.ts';
import { keepJudging } from './judging.ts';
import { followGateway } from './gateway-feed.ts';
import { keepGivenBook } from './given-book.ts';
import { keepHistory } from './history.ts';
import { requestIdentityLock } from './identity-lock.ts';
import { watchInstall } from './install.ts';
import { createLibrary } from './library.ts';
import { createMemoryClaims } from './memory-claims.ts';
import { downloadBytes } from './model-view.ts';
import { createNetworkWatcher, explainRoute } from './network-view.ts';
import { wakeups, watchPageLifecycle } from './page-lifecycle.ts';
import { createDocumentReader } from './document-reader.ts';
import { watchPresence, type IdleDetection } from './presence.ts';
import { createRelaySource } from './relay-source.ts';
import { createSharing } from './run-sharing.ts';
import { createScriptRunner } from './script-runner.ts';
import { createSessions, openSession } from './sessions.ts';
import { keepSettings, toIceServers } from './settings.ts';
import { keepScreenOn, resumeSharing, watchLimits, watchPower } from './sharing-conditions.ts';
import { untilServiceWorker } from './service-worker.ts';
import { keepSpeedBook } from './speed-book.ts';
import { keepToolServers } from './tool-servers.ts';
import { createTabTiers } from './tiers.ts';
import { keepWallet } from './wallet.ts';
import { createWishKeeper } from './wishes.ts';

/** How long the network waits for the offset of this device's clock. */
const clockTimeoutMs = 2_000;

/**
 * The composition root of a tab: the one place with the real clock, network, workers and storage. Browser only. Within a frame it
 * can only ask, and never shares the device.
 * @param onStored called as soon as storage can be read, seconds before the tab has found the network.
 * @param asked what the page has asked its own relay before this code was there.
 */
export async function createTab(
  onStored: (stored: Stored) => void,
  asked?: Promise<RelayAnswer | undefined>,
): Promise<Tab> {
  const clock = systemClock;
  const random = systemRandom;
  const logger = silentLogger;
  const page = { window, document, navigator };
  const fetch = globalThis.fetch.bind(globalThis);
  const lifetime = new AbortController();
  const corrected = createCorrectedClock({ clock, fetch, origin: location.origin });
  const compared = withTimeout(corrected.compare('current', asked), clock, clockTimeoutMs).catch(() => undefined);
  const { storage, kept, caches: cacheStorage } = await browserStores(globalThis, clock);
  const settings = await keepSettings(storage);
  const toolServers = await keepToolServers({ storage, clock, newId: () => randomId(random), fetch });
  const history = keepHistory(storage, browserChannel('tabloom-history'), clock);
  onStored({ settings: settings.view, history });
  const examine = () => examineDevice(navigator);

  const languageModel = findLanguageModel(globalThis);
  const speeds = await keepSpeedBook(storage);
  const library = await createLibrary({
    storage,
    builtIn: async () =>
      ((await languageModel?.availability()) ?? 'unavailable') === 'unavailable' ? [] : [browserModel],
    stored: (models) => (cacheStorage ? createStoredModels(cacheStorage, models) : nothingStored),
    engines: createTabEngines(clock, languageModel),
    examine: async () => {
      const [device, { phone, quotaBytes, usedBytes, browser }] = await Promise.all([readDevice(navigator), examine()]);
      speeds.setPlace([browser, device.webgpu, device.vendor, device.f16 ? 'f16' : 'f32', build].join(' · '));
      return {
        device,
        page: { phone, roomBytes: quotaBytes === undefined ? undefined : quotaBytes - (usedBytes ?? 0) },
      };
    },
    downloadBytes: (source) => downloadBytes(source, { fetch }),
    speedOf: ({ artefact }) => speeds.of(artefact),
    memoryBytesMax: () => settings.view.current.memoryBytesMax,
    claims: createMemoryClaims(navigator.locks, random),
    isKept: (name) => sharing.isUsing(name),
    beforeLoad: async () => {
      // If the browser grants it, what is downloaded now is not evicted under storage pressure.
      await Promise.all([untilServiceWorker(clock), navigator.storage?.persist?.().catch(() => false)]);
    },
  });
  const wallet = await keepWallet({
    storage,
    clock,
    random,
    logger,
    fetch,
    settings: () => settings.view.current,
    agree: async (request, options) => (await sessions.asking()).peer.askToClose(request, options),
  });
  // In a frame a foreign page could press the buttons for its visitor.
  const mayShare = window.top === window;
  const wasDiscarded = 'wasDiscarded' in document && document.wasDiscarded === true;
  const sharing = createSharing({
    library,
    settings,
    clock,
    benchmark: measureSpeed,
    wasDiscarded,
    earner: wallet.earner,
  });
  const network = createNetworkWatcher({ clock, now: corrected.now, offset: corrected.view });
  const wishes = createWishKeeper({ clock: corrected, settings });
  const tiers = createTabTiers({
    clock,
    readAudits: async (options) => (await loadPart(() => import('./read-audits.ts'))).readAudits(fetch, options),
    open: async (named, audits) =>
      (await loadPart(() => import('./open-tier-check.ts'))).openTierCheck(named, { audits, clock, random, fetch }),
  });
  const judging = keepJudging({
    settings: settings.view,
    library: library.view,
    open: async (session, terms, onSeat) => {
      const { judgeAudits } = await loadPart(() => import('./judge-audits.ts'));
      return judgeAudits({ session, terms, onSeat, storage, clock: corrected, random, logger, fetch });
    },
  });
  let relayRoundTripMs: number | undefined;
  void asked?.then((answer) => (relayRoundTripMs = answer?.roundTripMs)).catch(() => undefined);
  let payments: RelayPayments | undefined;
  const relays = createRelaySource({
    fetch,
    origin: location.origin,
    others: () => settings.view.current.relays,
    asked,
    onPayments: (named) => {
      payments = named;
      wallet.notePayments(named);
      tiers.notePayments(named);
    },
    onAudits: (terms) => judging.noteTerms(terms),
  });
  const openKeys = async () => {
    const { createKeyWallets, openGatewayKeys } = await loadPart(() => import('./gateway-keys.ts'));
    const wallets = createKeyWallets({ storage, random, fetch, payments: () => payments });
    return openGatewayKeys({ wallets, clock: corrected, random, fetch, location });
  };
  let keys: ReturnType<typeof openKeys> | undefined;
  const privateMode = () => settings.view.current.privateMode;
  const sessions = createSessions({
    open: (kind) =>
      openSession(kind, {
        storage,
        clock: corrected,
        onRelayTime: corrected.note,
        nickname: () => settings.view.current.nickname || undefined,
        random,
        logger,
        relays,
        iceServers: () => toIceServers(settings.view.current.iceServers),
        directTimeoutMs: () => directTimeoutMs(relayRoundTripMs),
        insecureDial: location.protocol === 'http:' ? 'allow' : 'refuse',
        wakeups: wakeups(page),
        onModelFailed: library.lose,
        purse: wallet.purse,
        till: wallet.till,
        tierCheck: tiers,
      }),
    lock: () => lock,
    privateMode,
    onChange: (asking, serving) => {
      network.watch(asking, serving);
      wishes.watch(serving);
      judging.watch(serving);
      sharing.serveWith(serving.peer.provider, serving.kind === 'own' ? 'network' : 'self');
    },
  });
  const lock = await requestIdentityLock({
    locks: navigator.locks,
    channel: browserChannel,
    random,
    onClaim: async () => {
      await sessions.closeDeviceSession();
      await wallet.close();
    },
  });
  wallet.noteLock(lock.held);
  const presence = watchPresence((globalThis as { IdleDetector?: IdleDetection }).IdleDetector, { sharing, settings });
  const install = watchInstall(window);
  const background = watchBackground({ document, createAudio: () => new AudioContext() }, { sharing, settings });
  const badge = watchBadge(document, navigator);
  const given = keepGivenBook({ storage, clock, sharing });
  const reconcile = () => void sessions.reconcile().catch(() => undefined);
  const endings = [
    lock.onChange(reconcile),
    lock.onChange(wallet.noteLock),
    watchPageLifecycle(page, { peers: sessions.peers, sharing, earner: wallet.earner }),
    await watchPower(navigator, { sharing, settings }),
    keepScreenOn(page, { sharing, settings }),
    presence.stop,
    install.stop,
    background.stop,
    badge.stop,
    wishes.stop,
  ];
  void watchLimits({ sharing, settings, clock }, lifetime.signal);
  // A wrongly dated offer is not listed, and correctly dated ones look stale.
  await compared;
  void keepComparing(corrected, { clock, wakeups: wakeups(page) }, lifetime.signal);
  await sessions.reconcile();
  void library.refresh().catch(() => undefined);
  if (mayShare) void resumeSharing({ sharing, settings, wasDiscarded, sessionStorage: () => sessionStorage });

  const note: AskingComponents['note'] = (event, worker, kind) => {
    network.note(event, worker);
    // What is computed for a question is no answer.
    if (kind === 'chat') badge.note(event);
  };

  return {
    asking: createAsking({
      clock,
      sessions,
      privateMode,
      note,
      requireTier: tiers.require,
      ownModel: () => library.view.current.loaded[0],
    }),
    network: {
      view: network.view,
      ping: async (peer, options) => (await sessions.asking()).peer.net.ping(peer, options),
      explain: async (target) => explainRoute((await sessions.asking()).peer.consumer, target),
      followWishes: wishes.follow,
      wish: wishes.wish,
      followGateway: (listener) => followGateway(new EventSource('/v1/feed'), listener),
      prices: async (options) => (await loadPart(() => import('./market-prices.ts'))).readMarketPrices(fetch, options),
      bond: async (peer, { chain, provider }) => {
        const { readBond } = await loadPart(() => import('./bond.ts'));
        return payments?.chain === chain ? readBond(payments, { peer, provider }, { clock, fetch }) : undefined;
      },
      standings: tiers.standings,
      audits: async (options) => (await loadPart(() => import('./read-audits.ts'))).readAudits(fetch, options),
      served: async (options) => (await loadPart(() => import('./read-models.ts'))).readServedModels(fetch, options),
      leaderboard: async (query, options) =>
        (await loadPart(() => import('./read-leaderboard.ts'))).readLeaderboard(fetch, query, options),
      tasks: async (options) => (await loadPart(() => import('./read-tasks.ts'))).readTasks(fetch, options),
      receipted: async () => {
        const [{ peer }, { readReceipted }] = await Promise.all([
          sessions.asking(),
          loadPart(() => import('./receipted.ts')),
        ]);
        return readReceipted(peer.receipts);
      },
      takeOver: async () => lock.claim(),
    },
    device: {
      examine,
      presence: presence.view,
      askPresence: presence.ask,
      install: install.view,
      askInstall: install.ask,
    },
    library: { ...library, load: async (name) => void (await loadWithConsent(name)), measure },
    sharing: {
      ...sharing,
      stop: (how, model) => sharing.stop(how, { model }),
      ...(mayShare ? {} : { start: refuseToShare }),
      background: background.view,
      judging: judging.view,
      given: given.days,
    },
    history,
    wallet: wallet.port,
    keys: () => {
      keys ??= openKeys();
      // A part that could not be fetched may be there later.
      keys.catch(() => (keys = undefined));
      return keys;
    },
    toolServers,
    runScript: createScriptRunner({
      spawn: () => new Worker(new URL('../../../workers/script.worker.ts', import.meta.url), { type: 'module' }),
      clock,
    }),
    readDocument: createDocumentReader({
      spawn: {
        pdf: () => new Worker(new URL('../../../workers/pdf.worker.ts', import.meta.url), { type: 'module' }),
        office: () => new Worker(new URL('../../../workers/office.worker.ts', import.meta.url), { type: 'module' }),
      },
      clock,
    }),
    settings: {
      view: settings.view,
      change: async (change) => {
        await settings.change(change);
        if ('privateMode' in change) await sessions.reconcile();
      },
      exportData: () => exportData(storage),
      deleteData: async () => {
        await leave();
        try {
          await deleteData(storage, cacheStorage);
          clearAreas(globalThis);
        } finally {
          // Only now: the next tab to hold the lock creates a new key.
          lock.release();
        }
      },
    },
    storage: kept ? 'persistent' : 'memory',
    async stop() {
      await leave();
      lock.release();
    },
  };

  /** The call is the consent; it is stored for this device. */
  async function loadWithConsent(name: string) {
    const { consented } = settings.view.current;
    if (!consented.includes(name)) await settings.change({ consented: [...consented, name] }).catch(() => undefined);
    return library.load(name);
  }

  async function measureSpeed(model: LoadedModel, options: { readonly signal: AbortSignal }) {
    const result = await benchmark(model, { clock }, options);
    if (result.kind === 'measured' && result.measured) {
      await speeds.note(model.model.artefact, result.measured.decodeTps);
      void library.refresh().catch(() => undefined);
    }
    return result;
  }

  async function measure(name: string): Promise<void> {
    const before = library.get(name);
    const model = await loadWithConsent(name);
    try {
      const { signal } = lifetime;
      const result = await sharing.withSlot(() => measureSpeed(model, { signal }), { signal });
      if (result.kind === 'too-slow') throw fromErrorRecord(result.error);
    } finally {
      if (!before && !sharing.isUsing(name)) await library.unload(name);
    }
  }

  async function leave(): Promise<void> {
    lifetime.abort();
    for (const end of endings) end();
    await library.close().catch(() => undefined);
    await judging.stop();
    await sessions.stop();
    await given.stop();
    await wallet.close();
  }
}

const refuseToShare = (): Promise<never> =>
  Promise.reject(
    new TabloomError('frame-only-asks', 'In a frame of another page this device cannot be shared. Open it by itself.'),
  );

const nothingStored = { list: async () => [], delete: async () => undefined };

/** The engines of a tab, each in a dedicated worker of its own. Nothing is fetched before a load. */
function createTabEngines(
  clock: Clock,
  languageModel: LanguageModelApi | undefined,
): ReadonlyMap<string, () => Engine> {
  const wllama = () =>
    createWorkerEngine({
      info: { name: 'wllama', build: '', deviceClass: 'wasm-cpu' },
      spawn: () => new Worker(new URL('../../../workers/wllama.worker.ts', import.meta.url), { type: 'module' }),
      clock,
    });
  const webllm = () =>
    createWorkerEngine({
      info: { name: 'webllm', build: '', deviceClass: 'webgpu-unknown' },
      spawn: () => new Worker(new URL('../../../workers/webllm.worker.ts', import.meta.url), { type: 'module' }),
      clock,
    });
  return new Map([
    ...(languageModel ? [['prompt-api', () => createPromptApiEngine(languageModel, clock)] as const] : []),
    ['wllama', wllama],
    ['webllm', webllm],
  ]);
}
