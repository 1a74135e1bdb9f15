import { toErrorRecord, type ErrorRecord } from '#lib/base/errors.ts';
import type { Live } from '#lib/base/live.ts';
import type { Conversations } from './conversations.svelte.ts';
import type { Install } from './device.ts';
import { emptyLibrary } from './library.ts';
import { noNetwork } from './network.ts';
import { defaultSettings, type Settings } from './settings.ts';
import { notSharing } from './sharing.ts';
import type { HistoryPort, Tab } from './tab.ts';
import { CallQuestions } from './tools/call-questions.svelte.ts';
import { anyPeer, previewRoute, thisDevice, type RoutePreview, type Target } from './target.ts';
import { noWallet, payingNow, type Paying } from './wallet.ts';
import { Watched } from './watched.svelte.ts';

/** What storage holds, which is known long before the tab can ask. */
export interface Stored {
  readonly settings: Live<Settings>;
  readonly history: HistoryPort;
}

/** The root of the UI state. Created before the tab behind it, so that pages can render from the first paint. */
export class App {
  readonly network = new Watched(noNetwork);
  readonly library = new Watched(emptyLibrary);
  readonly sharing = new Watched(notSharing);
  readonly settings = new Watched(defaultSettings);
  readonly wallet = new Watched(noWallet);
  readonly install = new Watched<Install>('none');
  readonly callQuestions = new CallQuestions();
  target = $state.raw<Target>(anyPeer);
  /** Undefined until its code has been loaded: the first paint does without it. */
  conversations = $state.raw<Conversations>();
  tab = $state.raw<Tab>();
  bootError = $state.raw<ErrorRecord>();

  readonly #ready = Promise.withResolvers<Tab>();
  readonly #stored = Promise.withResolvers<Stored>();
  readonly #loaded = Promise.withResolvers<Conversations>();
  #isStoredAttached = false;

  constructor() {
    this.#ready.promise.catch(() => undefined);
    this.#stored.promise.catch(() => undefined);
    this.#loaded.promise.catch(() => undefined);
  }

  /** Where a question sent now would go. */
  get preview(): RoutePreview {
    const preview = this.previewOf(this.target);
    return this.conversations?.current.narrow(preview, this.target) ?? preview;
  }

  previewOf(target: Target): RoutePreview {
    return previewRoute(target, this.network.value, this.library.value, this.paying);
  }

  /** What an answer may cost now; undefined where this page may not pay. */
  get paying(): Paying | undefined {
    return payingNow(this.settings.value, this.network.value, this.wallet.value);
  }

  /** Resolves to the tab behind the page. */
  get ready(): Promise<Tab> {
    return this.#ready.promise;
  }

  get stored(): Promise<Stored> {
    return this.#stored.promise;
  }

  /** Resolves to {@link conversations}. */
  get loaded(): Promise<Conversations> {
    return this.#loaded.promise;
  }

  attachConversations(conversations: Conversations): void {
    this.conversations = conversations;
    this.#loaded.resolve(conversations);
  }

  attachStored(stored: Stored): void {
    if (this.#isStoredAttached) return;
    this.#isStoredAttached = true;
    this.settings.attach(stored.settings);
    this.#stored.resolve(stored);
  }

  attach(tab: Tab): void {
    this.attachStored({ settings: tab.settings.view, history: tab.history });
    this.network.attach(tab.network.view);
    this.library.attach(tab.library.view);
    this.sharing.attach(tab.sharing.view);
    this.wallet.attach(tab.wallet.view);
    this.install.attach(tab.device.install);
    this.tab = tab;
    this.#ready.resolve(tab);
  }

  /** Records that the tab could not be created, and rejects {@link ready}. */
  fail(error: unknown): void {
    this.bootError = toErrorRecord(error);
    this.#ready.reject(error);
    this.#stored.reject(error);
    this.#loaded.reject(error);
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
}
