import { TabloomError } from '#lib/base/errors.ts';
import type { App, Stored } from './app.svelte.ts';
import { conversationParts } from './conversation-parts.ts';
import type { ConversationParts } from './conversation-spec.ts';
import { Conversation } from './conversation.svelte.ts';
import { folderName } from './folders.ts';
import { History } from './history.svelte.ts';
import { titleLengthMax, type ConversationRecord, type HistoryChange } from './records.ts';
import { createLazySearch, type LazySearch } from './lazy-search.ts';
import type { SearchHit } from './search-index.ts';
import { persistenceOf, type Persistence } from './settings.ts';
import type { HistoryPort } from './tab.ts';
import type { Saved } from './transcript-spec.ts';

/** Conversations that may be answered at once without being on screen; beyond, the oldest is stopped and keeps what it has. */
const asideMax = 8;

export interface ConversationsParts {
  readonly now: () => number;
  readonly newId: () => string;
}

/** Whether the page shows {@link Conversations.current}, or why not yet, or why it never will. */
type Place = 'shown' | 'opening' | 'missing' | 'private';

/** The conversation on screen, those that are still being answered, and those saved on this device. */
export class Conversations {
  readonly history = new History();
  current = $state.raw() as Conversation;
  place = $state.raw<Place>('shown');
  /** Ids of conversations that are being answered without being on screen. */
  answering = $state.raw<readonly string[]>([]);
  /** A conversation that was just deleted, until it can no longer be put back. */
  removed = $state.raw<Saved>();
  /** Resolves once the saved conversations are listed. */
  readonly attached: Promise<void>;

  readonly #app: App;
  readonly #parts: ConversationsParts;
  /** Conversations that left the screen, until their answer has ended and is saved. */
  readonly #aside = new Map<string, Conversation>();
  /** Identifies the most recent choice, so that an earlier conversation that loads more slowly does not replace it. */
  #wanted: symbol | undefined;
  readonly #search: LazySearch;
  /** Undefined until the settings are known. */
  #persistence = $state.raw<Persistence>();
  readonly #firstPersistence = Promise.withResolvers<Persistence>();

  constructor(app: App, parts: ConversationsParts) {
    this.#app = app;
    this.#parts = parts;
    this.#search = createLazySearch(app.stored);
    this.current = this.#create();
    this.attached = app.stored.then((stored) => this.#attach(stored));
    this.attached.catch(() => undefined);
  }

  /** Conversations that may be opened now; in private mode none. */
  get openable(): readonly ConversationRecord[] {
    return this.#persistence === 'private' ? [] : this.history.conversations;
  }

  /** Whether the settings are known, and so whether anything is saved. */
  get isAttached(): boolean {
    return this.#persistence !== undefined;
  }

  /** The path of the page that shows {@link current} again after a reload. */
  get address(): string {
    return this.#persistence === 'saved' && this.current.turns.length > 0 ? `/c/${this.current.id}` : '/';
  }

  /** The page of this conversation was opened, or of a new one. */
  async visit(id: string | undefined): Promise<void> {
    if (id !== undefined) return void (await this.open(id));
    this.#wanted = undefined;
    this.place = 'shown';
    if (this.address !== '/') await this.start();
  }

  async start(): Promise<void> {
    this.#show(this.#create());
    await this.#app.tab?.asking.renewPrivate();
  }

  /**
   * Opens a saved conversation; one that is still being answered goes on. Returns false if it no longer exists, if another was
   * opened or a question asked while it was loading, and in private mode, where the next question would send its history along.
   */
  async open(id: string): Promise<boolean> {
    const wanted = Symbol(id);
    this.#wanted = wanted;
    if (this.current.id === id) return this.#settle('shown');
    const [shown, length] = [this.current, this.current.turns.length];
    this.place = 'opening';
    const found = await this.#read(id).catch(() => undefined);
    if (this.#wanted !== wanted) return false;
    if (this.current !== shown || shown.turns.length !== length) return this.#settle('shown', false);
    if (this.#persistence === 'private') return this.#settle('private', false);
    if (!found) return this.#settle('missing', false);
    this.#show(found);
    this.#settle('shown');
    await this.#app.tab?.asking.renewPrivate();
    return true;
  }

  /** Deletes a conversation and all it holds; {@link undoRemove} puts it back. */
  async remove(id: string): Promise<void> {
    const { history } = await this.#app.stored;
    const record = this.history.find(id);
    const live = this.#live(id);
    if (live === this.current) this.#show(this.#create());
    this.history.drop(id);
    await live?.discard();
    const turns = live?.toTurnRecords() ?? (await history.turns(id).catch(() => undefined));
    await this.history.remove(id);
    this.removed = record && turns ? { record, turns } : undefined;
  }

  async undoRemove(): Promise<void> {
    const { removed } = this;
    this.removed = undefined;
    if (!removed || this.#persistence !== 'saved') return;
    const { history } = await this.#app.stored;
    await history.save(removed.record, removed.turns);
    this.history.note(removed.record);
  }

  /** Full-text search over what may be opened now. */
  search(query: string): Promise<readonly SearchHit[]> {
    return this.#search(query, this.openable);
  }

  /** All of a conversation, for its export. Undefined if it is not here. */
  async whole(id: string): Promise<Saved | undefined> {
    const live = this.#live(id);
    if (live) return { record: live.toRecord(), turns: live.toTurnRecords() };
    const record = this.openable.find((kept) => kept.id === id);
    const { history } = await this.#app.stored;
    return record && { record, turns: await history.turns(id) };
  }

  /** Saves conversations from elsewhere; one that is here already stays as it is. @throws `private-mode`. */
  async keep(saved: readonly Saved[]): Promise<{ readonly added: number; readonly known: number }> {
    const { history } = await this.#app.stored;
    await this.attached;
    if (this.#persistence === 'private')
      throw new TabloomError('private-mode', 'Private mode is on: nothing is saved. Turn it off in Settings first.');
    let added = 0;
    for (const { record, turns } of saved) {
      if (this.history.find(record.id)) continue;
      await history.save(record, turns);
      this.history.note(record);
      added++;
    }
    return { added, known: saved.length - added };
  }

  /** A blank title changes nothing. */
  async rename(id: string, title: string): Promise<void> {
    const given = title.replace(/\s+/g, ' ').trim().slice(0, titleLengthMax);
    if (given !== '') await this.#change(id, { title: given, named: true });
  }

  pin(id: string, pinned: boolean): Promise<void> {
    return this.#change(id, { pinned });
  }

  /** Puts a conversation into a folder, which is made by that; a blank name takes it out of the one it is in. */
  file(id: string, folder: string): Promise<void> {
    return this.#change(id, { folder: folderName(folder) });
  }

  /** Without tags it has none. */
  tag(id: string, tags: readonly string[]): Promise<void> {
    return this.#change(id, { tags: tags.length > 0 ? tags : undefined });
  }

  /** Puts a conversation away, or back into the list. It is found either way. */
  archive(id: string, archived: boolean): Promise<void> {
    return this.#change(id, { archived: archived || undefined });
  }

  /** Deletes everything stored in this browser; the page has to be reloaded afterwards. */
  async deleteData(): Promise<void> {
    const tab = await this.#app.ready;
    this.removed = undefined;
    await Promise.all([this.current, ...this.#aside.values()].map((conversation) => conversation.discard()));
    await tab.settings.deleteData();
  }

  async #attach({ history, settings }: Stored): Promise<void> {
    this.#persistence = persistenceOf(settings.current);
    this.#firstPersistence.resolve(this.#persistence);
    // A private conversation is never saved or continued under the device's key, nor a saved one in private.
    settings.listen((changed) => {
      if (this.#persistence === persistenceOf(changed)) return;
      for (const conversation of [this.current, ...this.#aside.values()]) conversation.stop();
      this.#persistence = persistenceOf(changed);
      this.removed = undefined;
      void this.start();
    });
    history.follow((change) => void this.#follow(change, history).catch(() => undefined));
    await this.history.attach(history);
  }

  /** Another tab of this browser changed something. */
  async #follow(change: HistoryChange, history: HistoryPort): Promise<void> {
    if (change.type === 'opened') {
      const live = this.#live(change.id);
      if (live?.busy) await live.save();
    } else if (change.type === 'removed') {
      this.history.drop(change.id);
      const live = this.#live(change.id);
      void live?.discard();
      if (live !== this.current) return;
      this.#show(this.#create());
      this.place = 'missing';
    } else {
      const { record, answering } = change;
      this.history.note(record);
      if (this.#live(record.id) === undefined) return;
      const turns = await history.turns(record.id);
      const live = this.#live(record.id);
      if (!live) return;
      live.merge(record, turns);
      live.elsewhere = answering;
    }
  }

  /** Undefined if there is no such conversation, or none may be opened. */
  async #read(id: string): Promise<Conversation | undefined> {
    const { history } = await this.#app.stored;
    await this.attached;
    const record = this.openable.find((kept) => kept.id === id);
    if (!record) return undefined;
    const live = this.#live(id);
    if (live) return live;
    const turns = await history.turns(id);
    history.noteOpened(id);
    return this.#live(id) ?? this.#create({ record, turns });
  }

  #settle(place: Place, opened = true): boolean {
    this.place = place;
    return opened;
  }

  #live(id: string): Conversation | undefined {
    return this.current.id === id ? this.current : this.#aside.get(id);
  }

  #show(next: Conversation): void {
    const before = this.current;
    this.current = next;
    // Nobody can come back to a private conversation.
    if (this.#persistence === 'private') before.stop();
    this.#aside.delete(next.id);
    this.#aside.set(before.id, before);
    this.#note();
    void before.settled().then(() => {
      if (this.#aside.get(before.id) !== before || before.busy) return;
      this.#aside.delete(before.id);
      this.#note();
    });
  }

  #note(): void {
    const busy = [...this.#aside.values()].filter((conversation) => conversation.busy);
    for (const conversation of busy.splice(0, Math.max(0, busy.length - asideMax))) conversation.stop();
    this.answering = busy.map(({ id }) => id);
  }

  async #change(id: string, change: Partial<ConversationRecord>): Promise<void> {
    const live = this.#live(id);
    live?.describe(change);
    if (live) return live.save();
    const { history } = await this.#app.stored;
    const record = this.history.find(id);
    if (!record) return;
    const next = { ...record, ...change };
    await history.save(next, []);
    this.history.note(next);
  }

  /** Saving is decided here, so that no later settings change turns a private conversation into a saved one. */
  #create(saved?: ConstructorParameters<typeof Conversation>[1]): Conversation {
    const app = this.#app;
    const persistence = this.#persistence ?? this.#firstPersistence.promise;
    const save: ConversationParts['save'] = async (record, turns, answering) => {
      const { history } = await app.stored;
      if ((await persistence) === 'private') return;
      await history.save(record, turns, answering);
      this.history.note(record);
    };
    return new Conversation(conversationParts(app, { ...this.#parts, save }), saved);
  }
}
