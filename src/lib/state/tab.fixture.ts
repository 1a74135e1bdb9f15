import { TabloomError } from '#lib/base/errors.ts';
import type { Live } from '#lib/base/live.ts';
import { emptyLibrary } from './library.ts';
import { noNetwork } from './network.ts';
import type { ConversationRecord, HistoryChange, TurnRecord } from './records.ts';
import { defaultSettings, type Settings } from './settings.ts';
import { notJudging } from './judging.ts';
import { notSharing } from './sharing.ts';
import type { Tab } from './tab.ts';
import { noWallet } from './wallet.ts';

const still = <T>(current: T): Live<T> => ({ current, listen: () => () => undefined });

/** Mutable settings. */
function settingsView(initial: Settings) {
  let current = initial;
  const listeners = new Set<(value: Settings) => void>();
  const view: Live<Settings> = {
    get current() {
      return current;
    },
    listen: (listener) => (listeners.add(listener), () => listeners.delete(listener)),
  };
  const change = async (change: Partial<Settings>) => {
    current = { ...current, ...change };
    for (const listener of listeners) listener(current);
  };
  return { view, change };
}

/** A tab that keeps conversations in memory and stops every answer at once. */
export function fakeTab(settings: Partial<Settings> = {}) {
  const kept = new Map<string, { readonly record: ConversationRecord; readonly turns: readonly TurnRecord[] }>();
  const renewed: string[] = [];
  const opened: string[] = [];
  let tell: (change: HistoryChange) => void = () => undefined;
  const { view, change } = settingsView({ ...defaultSettings, ...settings });
  const tab: Tab = {
    network: {
      view: still(noNetwork),
      ping: async () => 1,
      explain: async () => [],
      prices: async () => [],
      receipted: async () => [],
      served: async () => [],
      tasks: async () => [],
      leaderboard: async () => ({ total: 0, places: [] }),
      audits: async () => ({ followed: false, workers: [] }),
      bond: async () => undefined,
      standings: async () => new Map(),
      followGateway: () => () => undefined,
      followWishes: () => () => undefined,
      wish: async () => undefined,
      takeOver: async () => undefined,
    },
    asking: {
      async *ask() {
        yield { type: 'job-cancelled', at: 1 };
      },
      prepare: async () => undefined,
      renewPrivate: async () => void renewed.push('renewed'),
      verify: () => Promise.reject(new TabloomError('no-receipt', '')),
    },
    device: {
      examine: () => Promise.reject(new Error('not looked at')),
      presence: still('unsupported' as const),
      askPresence: async () => undefined,
      install: still('none' as const),
      askInstall: async () => undefined,
    },
    library: {
      view: still(emptyLibrary),
      load: async () => undefined,
      cancelLoad: () => undefined,
      measure: async () => undefined,
      unload: async () => undefined,
      remove: async () => undefined,
      addOwn: async () => undefined,
      forgetOwn: async () => undefined,
      refresh: async () => undefined,
    },
    sharing: {
      view: still(notSharing),
      start: async () => undefined,
      stop: async () => undefined,
      pause: () => undefined,
      resume: () => undefined,
      setPrices: async () => undefined,
      judging: still(notJudging),
      background: still({ playing: false, shownTps: undefined, hiddenTps: undefined }),
      given: async () => [],
    },
    history: {
      shelf: {
        list: async () => [],
        read: async () => undefined,
        keep: async () => undefined,
        rename: async () => undefined,
        remove: async () => undefined,
      },
      unsent: { read: async () => [], write: async () => undefined },
      list: async () => [...kept.values()].map(({ record }) => record),
      turns: async (id) => kept.get(id)?.turns ?? [],
      save: async (record, turns) => {
        const before = (kept.get(record.id)?.turns ?? []).filter(({ id }) => !turns.some((turn) => turn.id === id));
        kept.set(record.id, { record, turns: [...before, ...turns] });
      },
      remove: async (id) => void kept.delete(id),
      noteOpened: (id) => void opened.push(id),
      follow: (listener) => ((tell = listener), () => undefined),
    },
    settings: {
      view,
      change,
      exportData: async () => '',
      deleteData: async () => kept.clear(),
    },
    wallet: {
      view: still(noWallet),
      refresh: async () => undefined,
      look: () => () => undefined,
      useBurner: async () => undefined,
      importBurner: async () => undefined,
      exportBurner: async () => '',
      connect: async () => undefined,
      askFaucet: async () => undefined,
      leave: async () => undefined,
      withdraw: async () => undefined,
      collect: async () => undefined,
    },
    keys: () => Promise.reject(new TabloomError('part-missing', '')),
    toolServers: {
      view: still([]),
      add: async () => undefined,
      refresh: async () => undefined,
      change: async () => undefined,
      remove: async () => undefined,
      call: async () => '',
    },
    runScript: async () => '',
    readDocument: async () => ({ text: '', pages: [0] }),
    storage: 'persistent',
    stop: async () => undefined,
  };
  return { tab, kept, renewed, opened, tell: (change: HistoryChange) => tell(change) };
}
