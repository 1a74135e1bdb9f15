import { toErrorRecord, type ErrorRecord } from '#lib/base/errors.ts';
import { Conversation } from './conversation.svelte.ts';
import { History } from './history.svelte.ts';
import { emptyLibrary } from './library.ts';
import { noNetwork } from './network.ts';
import { defaultSettings } from './settings.ts';
import { notSharing } from './sharing.ts';
import type { Tab } from './tab.ts';
import type { ConversationRecord } from './records.ts';
import { anyPeer, previewRoute, thisDevice, type RoutePreview, type Target } from './target.ts';
import { noWallet, payingNow, type Paying } from './wallet.ts';
import { Watched } from './watched.svelte.ts';

/** Context size assumed until the model's is known. */
const contextTokensUnknown = 2_048;

export interface AppParts {
  readonly now: () => number;
  readonly newId: () => string;
}

/** Whether conversations are saved on this device. */
type Persistence = 'saved' | 'private';

/** The root of the UI state. Created before the tab behind it, so that pages can render from the first paint. */
export class App {
  readonly network = new Watched(noNetwork);
  readonly library = new Watched(emptyLibrary);
  readonly sharing = new Watched(notSharing);
  readonly settings = new Watched(defaultSettings);
  readonly wallet = new Watched(noWallet);
  readonly history = new History();
  target = $state.raw<Target>(anyPeer);
  conversation = $state.raw() as Conversation;
  tab = $state.raw<Tab>();
  bootError = $state.raw<ErrorRecord>();

  readonly #parts: AppParts;
  readonly #ready = Promise.withResolvers<Tab>();
  readonly #historyRead = Promise.withResolvers<void>();
  /** Conversations that left the screen while an answer was in progress, until it has ended. */
  readonly #leaving = new Map<string, Conversation>();
  /** Identifies the most recent choice, so that an earlier conversation that loads more slowly does not replace it. */
  #wanted: symbol | undefined;
  /** For a conversation that started before the settings were loaded. */
  readonly #firstPersistence = Promise.withResolvers<Persistence>();

  constructor(parts: AppParts) {
    this.#parts = parts;
    this.#ready.promise.catch(() => undefined);
    this.conversation = this.#createConversation();
  }

  /** Where a question sent now would go. */
  get preview(): RoutePreview {
    return previewRoute(this.target, this.network.value, this.library.value, this.paying);
  }

  /** What an answer may cost now; undefined where this page may not pay. */
  get paying(): Paying | undefined {
    return payingNow(this.settings.value, this.network.value, this.wallet.value);
  }

  /** Conversations that may be opened now; in private mode none. */
  get openable(): readonly ConversationRecord[] {
    return this.#persistence === 'private' ? [] : this.history.conversations;
  }

  /** Resolves to the tab behind the page. */
  get ready(): Promise<Tab> {
    return this.#ready.promise;
  }

  async attach(tab: Tab): Promise<void> {
    this.network.attach(tab.network.view);
    this.library.attach(tab.library.view);
    this.sharing.attach(tab.sharing.view);
    this.settings.attach(tab.settings.view);
    this.wallet.attach(tab.wallet.view);
    let persistence = this.#persistence;
    this.#firstPersistence.resolve(persistence);
    this.tab = tab;
    this.#ready.resolve(tab);
    // A private conversation is never saved or continued under the device's key, nor a saved one in private.
    tab.settings.view.listen(() => {
      if (persistence === this.#persistence) return;
      persistence = this.#persistence;
      void this.startConversation();
    });
    await this.history.attach(tab.history).finally(() => this.#historyRead.resolve());
  }

  /** Records that the tab could not be created, and rejects {@link ready}. */
  fail(error: unknown): void {
    this.bootError = toErrorRecord(error);
    this.#ready.reject(error);
  }

  /** Loads a model on this device and makes it the target, since the user was promised that questions stay here. */
  async answerHere(model: string): Promise<void> {
    const tab = await this.ready;
    await tab.library.load(model);
    this.target = thisDevice;
  }

  /** The user agrees to pay for answers; a wallet is made where there is none. */
  async agreeToPay(): Promise<void> {
    const tab = await this.ready;
    await tab.settings.change({ payAnswers: true });
    if (this.wallet.value.account === undefined) await tab.wallet.useBurner();
  }

  async startConversation(): Promise<void> {
    this.#show(this.#createConversation());
    await this.tab?.asking.renewPrivate();
  }

  /**
   * Opens a conversation from the history. Returns false if it no longer exists, if another was opened or a question
   * asked while it was loading, and in private mode, where the next question would send its history along.
   */
  async openConversation(id: string): Promise<boolean> {
    if (this.conversation.id === id) return true;
    const [shown, length] = [this.conversation, this.conversation.turns.length];
    const wanted = Symbol(id);
    this.#wanted = wanted;
    const tab = await this.ready;
    await this.#historyRead.promise;
    const record = this.openable.find((kept) => kept.id === id);
    if (!record) return false;
    await this.#leaving.get(id)?.settled();
    const turns = await tab.history.turns(id);
    if (this.#persistence === 'private') return false;
    if (this.#wanted !== wanted || this.conversation !== shown || shown.turns.length !== length) return false;
    this.#show(this.#createConversation({ record, turns }));
    await tab.asking.renewPrivate();
    return true;
  }

  async removeConversation(id: string): Promise<void> {
    if (this.conversation.id === id) this.#show(this.#createConversation());
    await this.history.remove(id, this.#leaving.get(id)?.discard());
  }

  /** Deletes everything stored in this browser; the page has to be reloaded afterwards. */
  async deleteData(): Promise<void> {
    const tab = await this.ready;
    await Promise.all([this.conversation, ...this.#leaving.values()].map((conversation) => conversation.discard()));
    await tab.settings.deleteData();
  }

  #show(next: Conversation): void {
    const before = this.conversation;
    this.conversation = next;
    before.stop();
    this.#leaving.set(before.id, before);
    void before.settled().then(() => {
      if (this.#leaving.get(before.id) === before) this.#leaving.delete(before.id);
    });
  }

  get #persistence(): Persistence {
    return this.settings.value.privateMode ? 'private' : 'saved';
  }

  /** Saving is decided here, so that no later settings change turns a private conversation into a saved one. */
  #createConversation(saved?: ConstructorParameters<typeof Conversation>[1]): Conversation {
    const persistence = this.tab ? this.#persistence : this.#firstPersistence.promise;
    return new Conversation(
      {
        asking: async () => (await this.ready).asking,
        settings: () => this.settings.value,
        budget: () => this.paying?.budget.toString(),
        contextTokens: (target) => {
          const likely = previewRoute(target, this.network.value, this.library.value, this.paying);
          return 'contextTokens' in likely ? likely.contextTokens : contextTokensUnknown;
        },
        save: async (record, turns) => {
          const tab = await this.ready;
          if ((await persistence) === 'private') return;
          await tab.history.save(record, turns);
          this.history.note(record);
        },
        ...this.#parts,
      },
      saved,
    );
  }
}
