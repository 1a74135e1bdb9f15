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
import { Watched } from './watched.svelte.ts';

/** Tokens assumed where nobody has said yet what the model can read. */
const contextTokensUnknown = 2_048;

export interface AppParts {
  readonly now: () => number;
  readonly newId: () => string;
}

/** Whether what is said is kept on this device. */
type Keeping = 'kept' | 'private';

/** Everything on screen. It exists before the tab behind it does, and pages show it from the first paint. */
export class App {
  readonly network = new Watched(noNetwork);
  readonly library = new Watched(emptyLibrary);
  readonly sharing = new Watched(notSharing);
  readonly settings = new Watched(defaultSettings);
  readonly history = new History();
  target = $state.raw<Target>(anyPeer);
  conversation = $state.raw() as Conversation;
  tab = $state.raw<Tab>();
  bootError = $state.raw<ErrorRecord>();

  readonly #parts: AppParts;
  readonly #ready = Promise.withResolvers<Tab>();
  readonly #historyRead = Promise.withResolvers<void>();
  /** Conversations that left the screen while their answer was under way, until it has ended. */
  readonly #leaving = new Map<string, Conversation>();
  /** The conversation that was chosen last: an earlier one that takes longer to read does not come over it. */
  #wanted: symbol | undefined;
  /** Of a conversation that began before the settings were read. */
  readonly #firstKeeping = Promise.withResolvers<Keeping>();

  constructor(parts: AppParts) {
    this.#parts = parts;
    this.#ready.promise.catch(() => undefined);
    this.conversation = this.#createConversation();
  }

  /** Who would answer if the question were sent now. */
  get prospect(): RoutePreview {
    return previewRoute(this.target, this.network.value, this.library.value);
  }

  /** Conversations that may be opened now: in private mode none of those that were kept. */
  get openable(): readonly ConversationRecord[] {
    return this.#keeping === 'private' ? [] : this.history.conversations;
  }

  /** The tab behind the page, once it is there. */
  get ready(): Promise<Tab> {
    return this.#ready.promise;
  }

  async attach(tab: Tab): Promise<void> {
    this.network.attach(tab.network.view);
    this.library.attach(tab.library.view);
    this.sharing.attach(tab.sharing.view);
    this.settings.attach(tab.settings.view);
    let keeping = this.#keeping;
    this.#firstKeeping.resolve(keeping);
    this.tab = tab;
    this.#ready.resolve(tab);
    // What was said in private neither is kept nor goes on under the device's own key, and the other way round.
    tab.settings.view.listen(() => {
      if (keeping === this.#keeping) return;
      keeping = this.#keeping;
      void this.startConversation();
    });
    await this.history.attach(tab.history).finally(() => this.#historyRead.resolve());
  }

  /** The tab could not be made; whoever waits for it hears why. */
  fail(error: unknown): void {
    this.bootError = toErrorRecord(error);
    this.#ready.reject(error);
  }

  /** Loads a model so that this device answers, which is asked from then on: questions were promised to stay here. */
  async answerHere(model: string): Promise<void> {
    const tab = await this.ready;
    await tab.library.load(model);
    this.target = thisDevice;
  }

  async startConversation(): Promise<void> {
    this.#show(this.#createConversation());
    await this.tab?.asking.startAnew();
  }

  /**
   * Opens one from the history; returns false when it is not there any more, when something else was opened or asked
   * while it was read, and in private mode, where a question would go out with all that was said before.
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
    if (this.#keeping === 'private') return false;
    if (this.#wanted !== wanted || this.conversation !== shown || shown.turns.length !== length) return false;
    this.#show(this.#createConversation({ record, turns }));
    await tab.asking.startAnew();
    return true;
  }

  async removeConversation(id: string): Promise<void> {
    if (this.conversation.id === id) this.#show(this.#createConversation());
    await this.history.remove(id, this.#leaving.get(id)?.discard());
  }

  /** Deletes everything this browser holds; the page has to be loaded again after it. */
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

  get #keeping(): Keeping {
    return this.settings.value.privateMode ? 'private' : 'kept';
  }

  /** How it is kept is settled here: no later change of the settings makes a private conversation a kept one. */
  #createConversation(saved?: ConstructorParameters<typeof Conversation>[1]): Conversation {
    const keeping = this.tab ? this.#keeping : this.#firstKeeping.promise;
    return new Conversation(
      {
        asking: async () => (await this.ready).asking,
        settings: () => this.settings.value,
        contextTokens: (target) => {
          const likely = previewRoute(target, this.network.value, this.library.value);
          return 'contextTokens' in likely ? likely.contextTokens : contextTokensUnknown;
        },
        save: async (record, turns) => {
          const tab = await this.ready;
          if ((await keeping) === 'private') return;
          await tab.history.save(record, turns);
          this.history.note(record);
        },
        ...this.#parts,
      },
      saved,
    );
  }
}
