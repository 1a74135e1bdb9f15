import { systemClock } from '#lib/base/clock.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { systemRandom } from '#lib/base/random.ts';
import { readDevice } from '#lib/engine/device.ts';
import { measure } from '#lib/engine/measure.ts';
import type { LoadedModel } from '#lib/engine/spec.ts';
import { createStoredModels } from '#lib/engine/stored-models.ts';
import type { JobState } from '#lib/peer/lifecycle.ts';
import type { AskRequest, JobEvent } from '#lib/peer/spec.ts';
import { createIndexedDbStorage } from '#lib/storage/indexeddb.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { examineDevice } from './device.ts';
import { createTabEngines } from './engines.ts';
import { keepHistory } from './history.ts';
import { toIceServers } from './ice-servers.ts';
import { requestIdentityLock } from './identity-lock.ts';
import { createLibrary } from './library.ts';
import { watchLimits } from './limits.ts';
import { createNetworkWatcher } from './network-view.ts';
import { deleteData, exportData } from './own-data.ts';
import { wakeups, watchPageLife } from './page-life.ts';
import { watchPower } from './power.ts';
import { createPrepare } from './prepare.ts';
import { createRelaySource } from './relay-source.ts';
import { keepScreenOn } from './screen-lock.ts';
import { openSession, type Session } from './session.ts';
import { createSessions } from './sessions.ts';
import { keepSettings, type TabSettings } from './settings.ts';
import { createSharing } from './sharing.ts';
import { untilServiceWorker } from './service-worker.ts';
import { startAgain } from './start-again.ts';
import { verifyAnswer } from './verify.ts';

/** The composition root of a tab: the one place with the real clock, network, workers and storage. Browser only. */
export async function createTab() {
  const clock = systemClock;
  const random = systemRandom;
  const logger = silentLogger;
  const page = { window, document, navigator };
  const storage = await openStorage();
  const settings = await keepSettings(storage);
  // Browsers hide the caches in insecure contexts and some private windows.
  const cacheStorage = 'caches' in globalThis ? caches : undefined;
  const examine = () => examineDevice(navigator);
  const life = new AbortController();

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
    beforeLoad: async () => {
      // Where the browser grants it, what is downloaded now is not cleared under pressure.
      await Promise.all([untilServiceWorker(clock), navigator.storage?.persist?.().catch(() => false)]);
    },
  });
  const wasDiscarded = 'wasDiscarded' in document && document.wasDiscarded === true;
  const sharing = createSharing({ library, settings, clock, benchmark, wasDiscarded });
  const network = createNetworkWatcher({ clock });
  const relays = createRelaySource({
    fetch: globalThis.fetch.bind(globalThis),
    origin: location.origin,
    others: () => settings.view.current.relays,
  });
  const sessions = createSessions({
    open: (kind) =>
      openSession(kind, {
        storage,
        clock,
        random,
        logger,
        relays,
        iceServers: () => toIceServers(settings.view.current.iceServers),
        insecureDial: location.protocol === 'http:' ? 'allow' : 'refuse',
        wakeups: wakeups(page),
        onModelFailed: library.lose,
      }),
    lock: () => lock,
    privateMode: () => settings.view.current.privateMode,
    onArranged: (asking, serving) => {
      network.watch(asking.peer, asking.kind);
      sharing.serveWith(serving.peer.provider, serving.kind === 'own' ? 'network' : 'self');
    },
  });
  const lock = await requestIdentityLock({
    locks: navigator.locks,
    channel: (name) => new BroadcastChannel(name),
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
  await sessions.arrange();
  void library.refresh().catch(() => undefined);
  void startAgain({ sharing, settings, wasDiscarded, session: () => sessionStorage });

  async function* ask(
    request: AskRequest,
    session: Session,
    { signal, where }: { readonly signal: AbortSignal; readonly where: 'network' | 'this-device' },
  ): AsyncIterable<JobEvent> {
    const { consumer, self } = session.peer;
    let worker: string | undefined;
    const local = where === 'this-device' ? { only: [self] } : {};
    for await (const event of consumer.ask({ ...request, ...local }, { signal })) {
      if (event.type === 'worker-chosen') worker = event.worker.peer;
      network.note(event, worker);
      yield event;
    }
  }

  const prepare = createPrepare({
    clock,
    consumer: async () => (await sessions.asking()).peer.consumer,
    privateMode: () => settings.view.current.privateMode,
  });

  return {
    asking: {
      prepare: (target: { readonly model: string; readonly by: string }) => prepare(target).catch(() => undefined),
      ask: (request: AskRequest, options: Parameters<typeof ask>[2]) =>
        sessions.during(
          options.where === 'this-device' ? 'serving' : 'asking',
          (session) => ask(request, session, options),
          options,
        ),
      startAnew: () => sessions.renewPrivate(),
      verify: async ({ answer, ids }: { readonly answer: JobState; readonly ids?: readonly number[] | undefined }) =>
        verifyAnswer(answer, ids),
    },
    network: {
      view: network.view,
      ping: async (peer: string, options: { readonly signal: AbortSignal }) =>
        (await sessions.asking()).peer.net.ping(peer, options),
      takeOver: async () => lock.claim(),
    },
    device: { examine },
    library: { ...library, load: async (name: string) => void (await loadWithConsent(name)) },
    sharing,
    history: keepHistory(storage),
    settings: {
      view: settings.view,
      change: async (change: Partial<TabSettings>) => {
        await settings.change(change);
        if ('privateMode' in change) await sessions.arrange();
      },
      exportData: () => exportData(storage),
      deleteData: async () => {
        await leave();
        try {
          await deleteData(storage, cacheStorage);
          localStorage.clear();
          sessionStorage.clear();
        } finally {
          // Only now: the tab that has the key next makes a new one.
          lock.release();
        }
      },
    },
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

/** A device too slow for this is measured by its first answers instead. */
const benchmarkMs = 1_500;
const benchmark = (model: LoadedModel) =>
  measure(model, { signal: AbortSignal.timeout(benchmarkMs) }).catch(() => undefined);

const nothingStored = { list: async () => [], delete: async () => undefined };

/** The browser's, or where it keeps nothing (some private windows) memory: everything works until the page is closed. */
async function openStorage() {
  const storage = createIndexedDbStorage({ factory: globalThis.indexedDB, clock: systemClock });
  try {
    await storage.get('settings', 'tab');
    return storage;
  } catch {
    return createMemoryStorage();
  }
}
