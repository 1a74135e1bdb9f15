import { expect, test } from 'vitest';
import { TabloomError } from '#lib/base/errors.ts';
import { initialJob } from '#lib/peer/session/job-state.ts';
import { App } from './app.svelte.ts';
import { emptyLibrary } from './library.ts';
import type { Live } from '#lib/base/live.ts';
import { noNetwork } from './network.ts';
import type { ConversationRecord, TurnRecord } from './records.ts';
import { defaultSettings, type Settings } from './settings.ts';
import { notSharing } from './sharing.ts';
import type { Tab } from './tab.ts';
import { anyPeer } from './target.ts';
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

function fakeTab(settings: Partial<Settings> = {}) {
  const kept = new Map<string, { readonly record: ConversationRecord; readonly turns: readonly TurnRecord[] }>();
  const renewed: string[] = [];
  const { view, change } = settingsView({ ...defaultSettings, ...settings });
  const tab: Tab = {
    network: {
      view: still(noNetwork),
      ping: async () => 1,
      explain: async () => [],
      followGateway: () => () => undefined,
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
    device: { examine: () => Promise.reject(new Error('not looked at')) },
    library: {
      view: still(emptyLibrary),
      load: async () => undefined,
      cancelLoad: () => undefined,
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
    },
    history: {
      list: async () => [...kept.values()].map(({ record }) => record),
      turns: async (id) => kept.get(id)?.turns ?? [],
      save: async (record, turns) => void kept.set(record.id, { record, turns }),
      remove: async (id) => void kept.delete(id),
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
    storage: 'persistent',
    stop: async () => undefined,
  };
  return { tab, kept, renewed };
}

function newApp() {
  let id = 0;
  return new App({ now: () => 1, newId: () => String(++id) });
}

test('a question asked before the tab exists waits for it', async () => {
  const app = newApp();
  const asked = app.conversation.send('Hi', anyPeer);
  expect(app.conversation.busy).toBe(true);
  const { tab, kept } = fakeTab();
  await app.attach(tab);
  await asked;
  expect(app.conversation.turns[0]?.answer.phase).toBe('cancelled');
  expect(kept.size).toBe(1);
  expect(app.history.conversations).toHaveLength(1);
});

test('if the tab cannot be created, the question fails with the reason', async () => {
  const app = newApp();
  const asked = app.conversation.send('Hi', anyPeer);
  app.fail(new TabloomError('storage-unavailable', 'No.'));
  await asked;
  expect(app.bootError).toMatchObject({ code: 'storage-unavailable' });
  expect(app.conversation.turns[0]?.answer).toMatchObject({ phase: 'failed', error: { code: 'storage-unavailable' } });
});

test('a conversation from the history opens with its turns, a deleted one does not', async () => {
  const app = newApp();
  const { tab, kept } = fakeTab();
  const record = { id: 'x', title: 'Old', createdAt: 0, updatedAt: 0, turns: 1 };
  const answer = { ...initialJob, phase: 'finished', text: 'then' } as const;
  kept.set('x', { record, turns: [{ id: 't', question: 'q', askedAt: 0, leftOut: 0, answer }] });
  const opening = app.openConversation('x');
  await app.attach(tab);
  expect(await opening).toBe(true);
  expect(app.conversation.turns.map((turn) => turn.answer.text)).toEqual(['then']);
  await app.removeConversation('x');
  expect(app.conversation.id).not.toBe('x');
  expect(await app.openConversation('x')).toBe(false);
  expect(kept.size).toBe(0);
});

/** A conversation with an answer in progress, and a function that ends it. */
async function answering(app: App, tab: Tab) {
  const answer = Promise.withResolvers<void>();
  tab.asking.ask = async function* (_, { signal }) {
    signal.addEventListener('abort', () => answer.resolve());
    await answer.promise;
    yield { type: 'job-cancelled', at: 1 };
  };
  const asked = app.conversation.send('Hi', anyPeer);
  await new Promise((resolve) => setImmediate(resolve));
  return { id: app.conversation.id, asked };
}

test('a conversation deleted during its answer does not come back', async () => {
  const app = newApp();
  const { tab, kept } = fakeTab();
  await app.attach(tab);
  const { id, asked } = await answering(app, tab);
  expect([...kept.keys()]).toEqual([id]);
  await app.removeConversation(id);
  await asked;
  expect([kept.size, app.history.conversations]).toEqual([0, []]);
});

test('nor does one that was left while its answer was still ending', async () => {
  const app = newApp();
  const { tab, kept } = fakeTab();
  await app.attach(tab);
  const { id, asked } = await answering(app, tab);
  await Promise.all([app.startConversation(), app.removeConversation(id)]);
  await asked;
  expect([kept.size, app.history.conversations]).toEqual([0, []]);
});

test('everything is deleted after the last save, and nothing is asked or saved afterwards', async () => {
  const app = newApp();
  const { tab, kept } = fakeTab();
  await app.attach(tab);
  const { asked } = await answering(app, tab);
  await app.deleteData();
  await asked;
  await app.conversation.send('more', anyPeer);
  expect([kept.size, app.conversation.turns.length]).toEqual([0, 1]);
});

test('a slow-loading conversation replaces neither one chosen later nor a question asked meanwhile', async () => {
  const app = newApp();
  const { tab } = fakeTab();
  const record = { title: '', createdAt: 0, updatedAt: 0, turns: 0 };
  tab.history.list = async () => ['slow', 'fast'].map((id) => ({ ...record, id }));
  const slow = [Promise.withResolvers<readonly TurnRecord[]>(), Promise.withResolvers<readonly TurnRecord[]>()];
  let reads = 0;
  tab.history.turns = (id) => (id === 'slow' ? slow[reads++]!.promise : Promise.resolve([]));
  await app.attach(tab);
  const first = app.openConversation('slow');
  expect(await app.openConversation('fast')).toBe(true);
  slow[0]!.resolve([]);
  expect([await first, app.conversation.id]).toEqual([false, 'fast']);
  const second = app.openConversation('slow');
  await app.conversation.send('Hi', anyPeer);
  slow[1]!.resolve([]);
  expect([await second, app.conversation.id, app.conversation.turns.length]).toEqual([false, 'fast', 1]);
});

test('in private mode nothing is saved, and each conversation starts with a new key', async () => {
  const app = newApp();
  const { tab, kept, renewed } = fakeTab({ privateMode: true });
  await app.attach(tab);
  await app.conversation.send('secret', anyPeer);
  expect(kept.size).toBe(0);
  expect(app.history.conversations).toEqual([]);
  await app.startConversation();
  expect(renewed).toHaveLength(1);
});

test('D1: in private mode no saved conversation is opened or sent, however it is requested', async () => {
  const app = newApp();
  const { tab, kept } = fakeTab({ privateMode: true });
  const record = { id: 'x', title: 'Old', createdAt: 0, updatedAt: 0, turns: 1 };
  const answer = { ...initialJob, phase: 'finished', text: 'then' } as const;
  kept.set('x', { record, turns: [{ id: 't', question: 'q', askedAt: 0, leftOut: 0, answer }] });
  const sent: unknown[] = [];
  tab.asking.ask = async function* ({ input }) {
    sent.push(input);
    yield { type: 'job-cancelled', at: 1 };
  };
  // As on a full page load, before the settings are known.
  const opening = app.openConversation('x');
  await app.attach(tab);
  expect([await opening, app.openable]).toEqual([false, []]);
  await app.conversation.send('secret', anyPeer);
  expect(await app.openConversation('x')).toBe(false);
  expect(sent).toEqual([{ messages: [{ role: 'user', content: 'secret' }] }]);
  expect(kept.size).toBe(1);
});

test('D1: a saved conversation still loading when private mode starts does not open', async () => {
  const app = newApp();
  const { tab } = fakeTab();
  tab.history.list = async () => [{ id: 'x', title: '', createdAt: 0, updatedAt: 0, turns: 0 }];
  const read = Promise.withResolvers<readonly TurnRecord[]>();
  tab.history.turns = () => read.promise;
  await app.attach(tab);
  const opening = app.openConversation('x');
  await tab.settings.change({ privateMode: true });
  read.resolve([]);
  expect(await opening).toBe(false);
  expect(app.conversation.id).not.toBe('x');
});

test('a private conversation is not saved when private mode ends, and cannot be continued', async () => {
  const app = newApp();
  const { tab, kept } = fakeTab({ privateMode: true });
  await app.attach(tab);
  const secret = app.conversation;
  const answer = Promise.withResolvers<void>();
  tab.asking.ask = async function* () {
    await answer.promise;
    yield { type: 'job-cancelled', at: 1 };
  };
  const asked = secret.send('secret', anyPeer);
  await tab.settings.change({ privateMode: false });
  expect(app.conversation).not.toBe(secret);
  expect(app.conversation.turns).toEqual([]);
  answer.resolve();
  await asked;
  expect(kept.size).toBe(0);
});

test('private mode starts a new conversation; saved ones stay saved', async () => {
  const app = newApp();
  const { tab, kept, renewed } = fakeTab();
  await app.attach(tab);
  await app.conversation.send('open', anyPeer);
  await tab.settings.change({ privateMode: true });
  expect(renewed).toHaveLength(1);
  await app.conversation.send('secret', anyPeer);
  expect([...kept.values()].map(({ record }) => record.title)).toEqual(['open']);
});

test('a question asked before the settings are loaded is private if they say so', async () => {
  const app = newApp();
  const asked = app.conversation.send('secret', anyPeer);
  const { tab, kept } = fakeTab({ privateMode: true });
  await app.attach(tab);
  await asked;
  expect(kept.size).toBe(0);
});

test('a model loaded on this device becomes the target, unless loading fails', async () => {
  const app = newApp();
  const { tab } = fakeTab();
  await app.attach(tab);
  const gone = { model: 'any', by: 'P' };
  app.target = gone;
  tab.library.load = () => Promise.reject(new TabloomError('quota-exceeded', 'Full.'));
  await expect(app.answerHere('m')).rejects.toMatchObject({ code: 'quota-exceeded' });
  expect(app.target).toBe(gone);
  tab.library.load = async () => undefined;
  await app.answerHere('m');
  expect(app.target).toEqual({ model: 'any', by: 'this-device' });
});
