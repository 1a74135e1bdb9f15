import { expect, test } from 'vitest';
import { TabloomError } from '#lib/base/errors.ts';
import { initialJob } from '#lib/peer/session/job-state.ts';
import { App } from './app.svelte.ts';
import { Conversations } from './conversations.svelte.ts';
import type { TurnRecord } from './records.ts';
import { fakeTab } from './tab.fixture.ts';
import type { Tab } from './tab.ts';
import { anyPeer } from './target.ts';

function newApp() {
  let id = 0;
  const app = new App();
  return { app, chats: new Conversations(app, { now: () => 1, newId: () => String(++id) }) };
}

async function attach({ app, chats }: ReturnType<typeof newApp>, tab: Tab): Promise<void> {
  app.attach(tab);
  await chats.attached;
}

test('a question asked before the tab exists waits for it', async () => {
  const both = newApp();
  const { chats } = both;
  const asked = chats.current.send('Hi', anyPeer);
  expect(chats.current.busy).toBe(true);
  const { tab, kept } = fakeTab();
  await attach(both, tab);
  await asked;
  expect(chats.current.turns[0]?.answer.phase).toBe('cancelled');
  expect(kept.size).toBe(1);
  expect(chats.history.conversations).toHaveLength(1);
});

test('if the tab cannot be created, the question fails with the reason', async () => {
  const both = newApp();
  const { app, chats } = both;
  const asked = chats.current.send('Hi', anyPeer);
  app.fail(new TabloomError('storage-unavailable', 'No.'));
  await asked;
  expect(app.bootError).toMatchObject({ code: 'storage-unavailable' });
  expect(chats.current.turns[0]?.answer).toMatchObject({ phase: 'failed', error: { code: 'storage-unavailable' } });
});

test('a conversation from the history opens with its turns, a deleted one does not', async () => {
  const both = newApp();
  const { chats } = both;
  const { tab, kept } = fakeTab();
  const record = { id: 'x', title: 'Old', createdAt: 0, updatedAt: 0, turns: 1 };
  const answer = { ...initialJob, phase: 'finished', text: 'then' } as const;
  kept.set('x', { record, turns: [{ id: 't', question: 'q', askedAt: 0, leftOut: 0, answer }] });
  const opening = chats.open('x');
  await attach(both, tab);
  expect(await opening).toBe(true);
  expect(chats.current.turns.map((turn) => turn.answer.text)).toEqual(['then']);
  await chats.remove('x');
  expect(chats.current.id).not.toBe('x');
  expect(await chats.open('x')).toBe(false);
  expect(kept.size).toBe(0);
});

/** A conversation with an answer in progress, and a function that ends it. */
async function answering(chats: Conversations, tab: Tab) {
  const answer = Promise.withResolvers<void>();
  tab.asking.ask = async function* (_, { signal }) {
    signal.addEventListener('abort', () => answer.resolve());
    await answer.promise;
    yield { type: 'job-cancelled', at: 1 };
  };
  const asked = chats.current.send('Hi', anyPeer);
  await new Promise((resolve) => setImmediate(resolve));
  return { id: chats.current.id, asked };
}

test('a conversation deleted during its answer does not come back', async () => {
  const both = newApp();
  const { chats } = both;
  const { tab, kept } = fakeTab();
  await attach(both, tab);
  const { id, asked } = await answering(chats, tab);
  expect([...kept.keys()]).toEqual([id]);
  await chats.remove(id);
  await asked;
  expect([kept.size, chats.history.conversations]).toEqual([0, []]);
});

test('nor does one that was left while its answer was still ending', async () => {
  const both = newApp();
  const { chats } = both;
  const { tab, kept } = fakeTab();
  await attach(both, tab);
  const { id, asked } = await answering(chats, tab);
  await Promise.all([chats.start(), chats.remove(id)]);
  await asked;
  expect([kept.size, chats.history.conversations]).toEqual([0, []]);
});

test('everything is deleted after the last save, and nothing is asked or saved afterwards', async () => {
  const both = newApp();
  const { chats } = both;
  const { tab, kept } = fakeTab();
  await attach(both, tab);
  const { asked } = await answering(chats, tab);
  await chats.deleteData();
  await asked;
  await chats.current.send('more', anyPeer);
  expect([kept.size, chats.current.turns.length]).toEqual([0, 1]);
});

test('a slow-loading conversation replaces neither one chosen later nor a question asked meanwhile', async () => {
  const both = newApp();
  const { chats } = both;
  const { tab } = fakeTab();
  const record = { title: '', createdAt: 0, updatedAt: 0, turns: 0 };
  tab.history.list = async () => ['slow', 'fast'].map((id) => ({ ...record, id }));
  const slow = [Promise.withResolvers<readonly TurnRecord[]>(), Promise.withResolvers<readonly TurnRecord[]>()];
  let reads = 0;
  tab.history.turns = (id) => (id === 'slow' ? slow[reads++]!.promise : Promise.resolve([]));
  await attach(both, tab);
  const first = chats.open('slow');
  expect(await chats.open('fast')).toBe(true);
  slow[0]!.resolve([]);
  expect([await first, chats.current.id]).toEqual([false, 'fast']);
  const second = chats.open('slow');
  await chats.current.send('Hi', anyPeer);
  slow[1]!.resolve([]);
  expect([await second, chats.current.id, chats.current.turns.length]).toEqual([false, 'fast', 1]);
});

test('in private mode nothing is saved, and each conversation starts with a new key', async () => {
  const both = newApp();
  const { chats } = both;
  const { tab, kept, renewed } = fakeTab({ privateMode: true });
  await attach(both, tab);
  await chats.current.send('secret', anyPeer);
  expect(kept.size).toBe(0);
  expect(chats.history.conversations).toEqual([]);
  await chats.start();
  expect(renewed).toHaveLength(1);
});

test('D1: in private mode no saved conversation is opened or sent, however it is requested', async () => {
  const both = newApp();
  const { chats } = both;
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
  const opening = chats.open('x');
  await attach(both, tab);
  expect([await opening, chats.openable]).toEqual([false, []]);
  await chats.current.send('secret', anyPeer);
  expect(await chats.open('x')).toBe(false);
  expect(sent).toEqual([{ messages: [{ role: 'user', content: 'secret' }] }]);
  expect(kept.size).toBe(1);
});

test('D1: a saved conversation still loading when private mode starts does not open', async () => {
  const both = newApp();
  const { chats } = both;
  const { tab } = fakeTab();
  tab.history.list = async () => [{ id: 'x', title: '', createdAt: 0, updatedAt: 0, turns: 0 }];
  const read = Promise.withResolvers<readonly TurnRecord[]>();
  tab.history.turns = () => read.promise;
  await attach(both, tab);
  const opening = chats.open('x');
  await tab.settings.change({ privateMode: true });
  read.resolve([]);
  expect(await opening).toBe(false);
  expect(chats.current.id).not.toBe('x');
});

test('a private conversation is not saved when private mode ends, and cannot be continued', async () => {
  const both = newApp();
  const { chats } = both;
  const { tab, kept } = fakeTab({ privateMode: true });
  await attach(both, tab);
  const secret = chats.current;
  const answer = Promise.withResolvers<void>();
  tab.asking.ask = async function* () {
    await answer.promise;
    yield { type: 'job-cancelled', at: 1 };
  };
  const asked = secret.send('secret', anyPeer);
  await tab.settings.change({ privateMode: false });
  expect(chats.current).not.toBe(secret);
  expect(chats.current.turns).toEqual([]);
  answer.resolve();
  await asked;
  expect(kept.size).toBe(0);
});

test('private mode starts a new conversation; saved ones stay saved', async () => {
  const both = newApp();
  const { chats } = both;
  const { tab, kept, renewed } = fakeTab();
  await attach(both, tab);
  await chats.current.send('open', anyPeer);
  await tab.settings.change({ privateMode: true });
  expect(renewed).toHaveLength(1);
  await chats.current.send('secret', anyPeer);
  expect([...kept.values()].map(({ record }) => record.title)).toEqual(['open']);
});

test('a question asked before the settings are loaded is private if they say so', async () => {
  const both = newApp();
  const { chats } = both;
  const asked = chats.current.send('secret', anyPeer);
  const { tab, kept } = fakeTab({ privateMode: true });
  await attach(both, tab);
  await asked;
  expect(kept.size).toBe(0);
});

test('an answer goes on while another conversation is on screen, and opening it again shows the same one', async () => {
  const both = newApp();
  const { chats } = both;
  const { tab, kept } = fakeTab();
  await attach(both, tab);
  const first = chats.current;
  const answer = Promise.withResolvers<void>();
  tab.asking.ask = async function* () {
    await answer.promise;
    yield { type: 'job-failed', at: 1, error: { code: 'peer-lost', message: '' }, rejections: [] };
  };
  const asked = first.send('Hi', anyPeer);
  await new Promise((resolve) => setImmediate(resolve));
  await chats.start();
  expect([first.busy, chats.answering]).toEqual([true, [first.id]]);
  expect(await chats.open(first.id)).toBe(true);
  expect([chats.current === first, chats.answering]).toEqual([true, []]);
  await chats.start();
  answer.resolve();
  await asked;
  await first.settled();
  await new Promise((resolve) => setImmediate(resolve));
  expect(chats.answering).toEqual([]);
  expect(kept.get(first.id)?.turns[0]?.answer.phase).toBe('failed');
});

test('a private answer ends when its conversation is left, and so do saved ones when private mode starts', async () => {
  for (const privateMode of [true, false]) {
    const both = newApp();
    const { chats } = both;
    const { tab } = fakeTab({ privateMode });
    await attach(both, tab);
    const { asked } = await answering(chats, tab);
    if (privateMode) await chats.start();
    else {
      await chats.start();
      await tab.settings.change({ privateMode: true });
    }
    await asked;
    await new Promise((resolve) => setImmediate(resolve));
    expect(chats.answering).toEqual([]);
  }
});

test('the address names a saved conversation that has begun, never a private one', async () => {
  for (const privateMode of [false, true]) {
    const both = newApp();
    const { chats } = both;
    const { tab } = fakeTab({ privateMode });
    await attach(both, tab);
    expect(chats.address).toBe('/');
    await chats.current.send('Hi', anyPeer);
    expect(chats.address).toBe(privateMode ? '/' : `/c/${chats.current.id}`);
  }
});

test('an address leads to its conversation, and says so where there is none', async () => {
  const both = newApp();
  const { chats } = both;
  const { tab, opened } = fakeTab();
  await attach(both, tab);
  await chats.current.send('Hi', anyPeer);
  const { id } = chats.current;
  await chats.visit(undefined);
  expect([chats.current.turns.length, chats.place]).toEqual([0, 'shown']);
  await chats.visit('unknown');
  expect(chats.place).toBe('missing');
  await chats.visit(id);
  expect([chats.current.id, chats.place, opened]).toEqual([id, 'shown', [id]]);
  await tab.settings.change({ privateMode: true });
  await chats.visit(id);
  expect([chats.current.turns.length, chats.place]).toEqual([0, 'private']);
});

test('a deleted conversation can be put back with everything in it', async () => {
  const both = newApp();
  const { chats } = both;
  const { tab, kept } = fakeTab();
  await attach(both, tab);
  await chats.current.send('Hi', anyPeer);
  await chats.current.retry(anyPeer);
  const { id } = chats.current;
  const before = kept.get(id);
  await chats.remove(id);
  expect([kept.size, chats.history.conversations, chats.address]).toEqual([0, [], '/']);
  await chats.undoRemove();
  expect(kept.get(id)).toEqual(before);
  expect(await chats.open(id)).toBe(true);
  expect(chats.current.all).toHaveLength(2);
  expect(chats.removed).toBeUndefined();
});

test('a title and a pin stay, on screen or not, and pinned ones come first', async () => {
  const both = newApp();
  const { chats } = both;
  const { tab, kept } = fakeTab();
  await attach(both, tab);
  const ids: string[] = [];
  for (const question of ['one', 'two']) {
    await chats.start();
    await chats.current.send(question, anyPeer);
    ids.push(chats.current.id);
  }
  await new Promise((resolve) => setImmediate(resolve));
  await chats.rename(ids[0]!, '  First   of all ');
  await chats.rename(ids[1]!, ' ');
  await chats.pin(ids[0]!, true);
  expect(chats.history.conversations.map(({ title }) => title)).toEqual(['First of all', 'two']);
  await chats.open(ids[0]!);
  await chats.current.send('more', anyPeer);
  expect(kept.get(ids[0]!)?.record).toMatchObject({ title: 'First of all', named: true, pinned: true, turns: 2 });
});

test('a folder stays, on screen or not, through answers, deleting and undoing, until it is left', async () => {
  const both = newApp();
  const { chats } = both;
  const { tab, kept } = fakeTab();
  await attach(both, tab);
  await chats.current.send('one', anyPeer);
  const { id } = chats.current;
  const folder = () => [kept.get(id)?.record.folder, chats.history.find(id)?.folder];
  await chats.file(id, '  Home  and garden ');
  await chats.current.send('more', anyPeer);
  expect(folder()).toEqual(['Home and garden', 'Home and garden']);
  await chats.start();
  await new Promise((resolve) => setImmediate(resolve));
  await chats.file(id, 'Work');
  expect(folder()).toEqual(['Work', 'Work']);
  await chats.remove(id);
  await chats.undoRemove();
  expect(folder()).toEqual(['Work', 'Work']);
  await chats.open(id);
  await chats.file(id, ' ');
  expect(folder()).toEqual([undefined, undefined]);
});

test('tags and what is put away stay, on screen or not, and can be taken back', async () => {
  const both = newApp();
  const { chats } = both;
  const { tab, kept } = fakeTab();
  await attach(both, tab);
  await chats.current.send('one', anyPeer);
  const { id } = chats.current;
  const place = () => [kept.get(id)?.record, chats.history.find(id)].map((record) => [record?.tags, record?.archived]);
  await chats.tag(id, ['home']);
  await chats.archive(id, true);
  await chats.current.send('more', anyPeer);
  expect(place()).toEqual([
    [['home'], true],
    [['home'], true],
  ]);
  expect(chats.openable.map((record) => record.id)).toEqual([id]);
  await chats.start();
  await new Promise((resolve) => setImmediate(resolve));
  await chats.tag(id, []);
  await chats.archive(id, false);
  expect(place()).toEqual([
    [undefined, undefined],
    [undefined, undefined],
  ]);
});

test('what another tab saves appears, in the list and on screen, and what it deletes goes', async () => {
  const both = newApp();
  const { chats } = both;
  const { tab, kept, tell } = fakeTab();
  await attach(both, tab);
  await chats.current.send('Hi', anyPeer);
  const { id } = chats.current;
  const { record, turns } = kept.get(id)!;
  const answer = { ...initialJob, phase: 'streaming', text: 'so far' } as const;
  const added: TurnRecord = { id: 'added', parent: turns[0]!.id, question: 'And?', askedAt: 2, leftOut: 0, answer };
  const changed = { ...record, turns: 2, tip: 'added', title: 'Hi' };
  kept.set(id, { record: changed, turns: [...turns, added] });
  tell({ type: 'saved', record: changed, answering: true });
  await new Promise((resolve) => setImmediate(resolve));
  expect(chats.current.turns.map(({ question }) => question)).toEqual(['Hi', 'And?']);
  expect([chats.current.turns[1]?.answer.text, chats.current.elsewhere]).toEqual(['so far', true]);
  tell({ type: 'saved', record: { ...record, id: 'other', title: 'Other' }, answering: false });
  expect(chats.history.conversations.map(({ title }) => title).sort()).toEqual(['Hi', 'Other']);
  tell({ type: 'removed', id });
  await new Promise((resolve) => setImmediate(resolve));
  expect([chats.place, chats.current.turns.length, chats.history.find(id)]).toEqual(['missing', 0, undefined]);
});

test('a tab that opens a conversation hears that it is being answered', async () => {
  const both = newApp();
  const { chats } = both;
  const { tab, tell } = fakeTab();
  await attach(both, tab);
  const { id, asked } = await answering(chats, tab);
  const saved: unknown[] = [];
  tab.history.save = async (record, _, running) => void saved.push([record.id, running]);
  tell({ type: 'opened', id });
  await new Promise((resolve) => setImmediate(resolve));
  expect(saved).toEqual([[id, true]]);
  chats.current.stop();
  await asked;
});
