import { systemClock } from '#lib/base/clock.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { systemRandom } from '#lib/base/random.ts';
import { withTimeout } from '#lib/base/timeout.ts';
import { readDevice } from '#lib/engine/device.ts';
import { createStoredModels } from '#lib/engine/stored-models.ts';
import type { Tab } from '#lib/state/tab.ts';
import { createAsking } from './asking.ts';
import { benchmark } from './benchmark.ts';
import { browserChannel, browserStores, clearAreas } from './browser-stores.ts';
import { createCorrectedClock, keepComparing } from './clock-offset.ts';
import { examineDevice } from './device.ts';
import { createTabEngines } from './engines.ts';
import { keepHistory } from './history.ts';
import { requestIdentityLock } from './identity-lock.ts';
import { createLibrary } from './library.ts';
import { downloadBytes } from './model-size.ts';
import { createNetworkWatcher } from './network-view.ts';
import { deleteData, exportData } from './own-data.ts';
import { wakeups, watchPageLife } from './page-life.ts';
import { createRelaySource } from './relay-source.ts';
import { createSharing } from './run-sharing.ts';
import { openSession } from './session.ts';
import { createSessions } from './sessions.ts';
import { keepSettings, toIceServers } from './settings.ts';
import { keepScreenOn, watchLimits, watchPower } from './sharing-conditions.ts';
import { untilServiceWorker } from './service-worker.ts';
import { startAgain } from './start-again.ts';

/** How long the network waits to know how wrong this device's clock is. */
const compareMs = 2_000;

/** The composition root of a tab: the one place with the real clock, network, workers and storage. Browser only. */
export async function createTab(): Promise<Tab> {
  const clock = systemClock;
  const random = systemRandom;
  const logger = silentLogger;
  const page = { window, document, navigator };
  const fetch = globalThis.fetch.bind(globalThis);
  const life = new AbortController();
  const corrected = createCorrectedClock({ clock, fetch, origin: location.origin });
  const compared = withTimeout(corrected.compare(), clock, compareMs).catch(() => undefined);
  const { storage, kept, caches: cacheStorage } = await browserStores(globalThis, clock);
  const settings = await keepSettings(storage);
  const examine = () => examineDevice(navigator);

  const library = await createLibrary({
    storage,
    stored: (models) => (cacheStorage ? createStoredModels(cacheStorage, models) : nothingStored),
    engines: createTabEngines(clock),
    examine: async () => {
      const [device, { phone, quotaBytes, usedBytes }] = await Promise.all([readDevice(navigator), examine()]);
      return {
        device,
        page: { phone, roomBytes: quotaBytes === undefined ? undefined : quotaBytes - (usedBytes ?? 0) },
      };
    },
    downloadBytes: (source) => downloadBytes(source, { fetch }),
    beforeLoad: async () => {
      // Where the browser grants it, what is downloaded now is not cleared under pressure.
      await Promise.all([untilServiceWorker(clock), navigator.storage?.persist?.().catch(() => false)]);
    },
  });
  const wasDiscarded = 'wasDiscarded' in document && document.wasDiscarded === true;
  const sharing = createSharing({
    library,
    settings,
    clock,
    benchmark: (model, options) => benchmark(model, { clock }, options),
    wasDiscarded,
  });
  const network = createNetworkWatcher({ clock, now: corrected.now, offset: corrected.view });
  const relays = createRelaySource({ fetch, origin: location.origin, others: () => settings.view.current.relays });
  const privateMode = () => settings.view.current.privateMode;
  const sessions = createSessions({
    open: (kind) =>
      openSession(kind, {
        storage,
        clock: corrected,
        random,
        logger,
        relays,
        iceServers: () => toIceServers(settings.view.current.iceServers),
        insecureDial: location.protocol === 'http:' ? 'allow' : 'refuse',
        wakeups: wakeups(page),
        onModelFailed: library.lose,
      }),
    lock: () => lock,
    privateMode,
    onArranged: (asking, serving) => {
      network.watch(asking, serving);
      sharing.serveWith(serving.peer.provider, serving.kind === 'own' ? 'network' : 'self');
    },
  });
  const lock = await requestIdentityLock({
    locks: navigator.locks,
    channel: browserChannel,
    random,
    letGo: () => sessions.leaveHome(),
  });
  const arrange = () => void sessions.arrange().catch(() => undefined);
  const endings = [
    lock.onChange(arrange),
    watchPageLife(page, { peers: sessions.peers, sharing }),
    await watchPower(navigator, { sharing, settings }),
    keepScreenOn(page, { sharing, settings }),
  ];
  void watchLimits({ sharing, settings, clock }, life.signal);
  // An offer that is dated wrongly is not listed, and the others' offers are not believed.
  await compared;
  void keepComparing(corrected, { clock, wakeups: wakeups(page) }, life.signal);
  await sessions.arrange();
  void library.refresh().catch(() => undefined);
  void startAgain({ sharing, settings, wasDiscarded, session: () => sessionStorage });

  return {
    asking: createAsking({ clock, sessions, privateMode, note: network.note }),
    network: {
      view: network.view,
      ping: async (peer, options) => (await sessions.asking()).peer.net.ping(peer, options),
      takeOver: async () => lock.claim(),
    },
    device: { examine },
    library: { ...library, load: async (name) => void (await loadWithConsent(name)) },
    sharing,
    history: keepHistory(storage),
    settings: {
      view: settings.view,
      change: async (change) => {
        await settings.change(change);
        if ('privateMode' in change) await sessions.arrange();
      },
      exportData: () => exportData(storage),
      deleteData: async () => {
        await leave();
        try {
          await deleteData(storage, cacheStorage);
          clearAreas(globalThis);
        } finally {
          // Only now: the tab that has the key next makes a new one.
          lock.release();
        }
      },
    },
    storage: kept ? 'kept' : 'memory',
    async stop() {
      await leave();
      lock.release();
    },
  };

  /** The call is the consent; it is remembered for this device. */
  async function loadWithConsent(name: string) {
    const { consented } = settings.view.current;
    if (!consented.includes(name)) await settings.change({ consented: [...consented, name] }).catch(() => undefined);
    return library.load(name);
  }

  async function leave(): Promise<void> {
    life.abort();
    for (const end of endings) end();
    await library.close().catch(() => undefined);
    await sessions.stop();
  }
}

const nothingStored = { list: async () => [], delete: async () => undefined };
