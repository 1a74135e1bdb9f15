import { raceSignal } from '#lib/base/abort.ts';
import { toErrorRecord, type ErrorRecord } from '#lib/base/errors.ts';
import { isOver } from '#lib/peer/session/job-state.ts';
import type { AskRequest } from '#lib/peer/spec.ts';
import { attachmentRoom, attachmentsFit, promptWith, type Attachment, type RankPassages } from './attachment.ts';
import { definedOf, toAskRequest, type AskingTerms } from './ask-request.ts';
import { answerRoom } from './fit-messages.ts';
import { goOn, turnsMax, type ChatOptions, type ConversationRecord, type TurnRecord } from './records.ts';
import type { Settings } from './settings.ts';
import type { Target } from './target.ts';
import { Turn } from './turn.svelte.ts';
import { childrenOf, linkTurns, newestBelow, pathTo } from './turn-tree.ts';
import type { AskingPort } from './tab.ts';

/** Dependencies of a conversation. */
export interface ConversationParts {
  /** Resolves once the tab is ready to ask. */
  readonly asking: () => Promise<AskingPort>;
  readonly settings: () => Pick<Settings, 'answerTokensMax' | 'temperature'>;
  /** The most the answer may cost, in the smallest unit; undefined if it has to be free. */
  readonly budget: () => string | undefined;
  /** Context size of the model likely to answer, in tokens. */
  readonly contextTokens: (target: Target) => number;
  /** Called when a turn starts, while its answer arrives, when it ends, and when another version is chosen. */
  readonly save: (conversation: ConversationRecord, turns: readonly TurnRecord[], answering: boolean) => Promise<void>;
  readonly rank: RankPassages;
  readonly now: () => number;
  readonly newId: () => string;
}

type Meta = Pick<ConversationRecord, 'title' | 'named' | 'pinned' | 'options'>;

/** How much of the first question a title takes. */
const titleFromQuestion = 60;
/** How often an answer is saved while it arrives: at most this much is lost in a crash. */
const saveEveryMs = 2_000;

/** A conversation with all its versions; one question at a time. */
export class Conversation {
  readonly id: string;
  readonly createdAt: number;
  /** Every version of every turn, oldest first. */
  all = $state.raw<readonly Turn[]>([]);
  /** Another tab of this browser is receiving an answer to it. */
  elsewhere = $state(false);
  /** Why the conversation could not be saved. The answer stays on screen regardless. */
  saveError = $state.raw<ErrorRecord>();
  /** What the next question will have attached. */
  pending = $state.raw<readonly Attachment[]>([]);
  #meta = $state.raw<Meta>({ title: '' });
  #tip = $state.raw<string>();
  readonly #children = $derived(childrenOf(this.all));
  /** What is on screen: one path through the versions. */
  readonly turns = $derived(pathTo(this.all, this.#tip));
  #abort = $state.raw<AbortController>();
  #running: Promise<void> = Promise.resolve();
  /** Serialises saves, so that an older state never overwrites a newer one. */
  #saving: Promise<void> = Promise.resolve();
  /** A save that has not begun yet will include whatever changes until then. */
  #nextSave: Promise<void> | undefined;
  #updatedAt: number;
  #discarded = false;
  readonly #parts: ConversationParts;

  constructor(parts: ConversationParts, saved?: { record: ConversationRecord; turns: readonly TurnRecord[] }) {
    this.#parts = parts;
    this.id = saved?.record.id ?? parts.newId();
    this.createdAt = saved?.record.createdAt ?? parts.now();
    this.#updatedAt = saved?.record.updatedAt ?? this.createdAt;
    this.#tip = saved?.record.tip;
    if (saved) this.#meta = saved.record;
    this.all = linkTurns(saved?.turns ?? []).map((record) => new Turn(record));
  }

  get busy(): boolean {
    return this.#abort !== undefined;
  }

  get full(): boolean {
    return this.all.length >= turnsMax;
  }

  /** Empty before the first question. */
  get title(): string {
    const [first] = this.all;
    if (this.#meta.named || !first) return this.#meta.title;
    return first.question.replace(/\s+/g, ' ').slice(0, titleFromQuestion);
  }

  /** The versions of a turn that is on screen, itself among them, oldest first. */
  versions(turn: Turn): readonly Turn[] {
    return this.#children.get(turn.parent) ?? [turn];
  }

  /** Asks a question; resolves when the answer has ended in any way. Does nothing while an answer is in progress. */
  async send(question: string, target: Target): Promise<void> {
    const attachments = this.pending;
    const asked = this.#ask({ question, parent: this.turns.at(-1)?.id ?? null, attachments }, target);
    if (this.busy) this.pending = [];
    await asked;
  }

  /** Whether all that is attached will be sent with this question, or only the passages that match it. */
  pendingFits(question: string, target: Target): boolean {
    return this.pending.length === 0 || attachmentsFit(this.pending, this.#room(question, target));
  }

  /** Asks the last question again: as another version, or in place of an answer that failed. */
  async retry(target: Target): Promise<void> {
    const turn = this.turns.at(-1);
    if (turn) await this.regenerate(turn, target);
  }

  /** Asks a question again and keeps the answer it had as another version, unless that one failed or was cut off. */
  async regenerate(turn: Turn, target: Target): Promise<void> {
    if (this.busy || this.#discarded) return;
    if (!turn.interrupted && turn.answer.phase !== 'failed') return this.#ask(turn, target);
    turn.reset();
    await this.#begin(turn, target);
  }

  /** Asks something else in this place; what followed the question stays with its own version. */
  async edit({ parent, attachments }: Turn, question: string, target: Target): Promise<void> {
    await this.#ask({ question, parent, attachments }, target);
  }

  /** Goes on with the last answer after the length limit has cut it off. */
  async goOn(target: Target): Promise<void> {
    const cut = this.turns.at(-1);
    if (cut?.answer.reason === 'length') await this.#ask({ question: goOn, parent: cut.id, continues: true }, target);
  }

  /** Shows a version, and the newest of what followed it. */
  choose(version: Turn): void {
    this.#tip = newestBelow(this.#children, version.id);
    void this.save();
  }

  /** Takes over what another tab has saved. What arrives in this one stays as it is. */
  merge(record: ConversationRecord, turns: readonly TurnRecord[]): void {
    this.#meta = record;
    const known = new Map(this.all.map((turn) => [turn.id, turn]));
    for (const turn of turns) known.get(turn.id)?.follow(turn);
    const added = linkTurns(turns).filter(({ id }) => !known.has(id));
    if (added.length > 0) this.all = [...this.all, ...added.map((turn) => new Turn(turn))];
    if (!this.busy) this.#tip = record.tip;
  }

  get options(): ChatOptions {
    return this.#meta.options ?? {};
  }

  /** How the next questions are asked. */
  configure(options: ChatOptions): void {
    this.describe({ options });
    void this.save();
  }

  /** A new title or place in the list. */
  describe(change: Partial<Meta>): void {
    this.#meta = { ...this.#meta, ...change };
  }

  toRecord(): ConversationRecord {
    return {
      id: this.id,
      ...this.#meta,
      title: this.title,
      createdAt: this.createdAt,
      updatedAt: this.#updatedAt,
      turns: this.all.length,
      tip: this.#tip,
    };
  }

  toTurnRecords(): readonly TurnRecord[] {
    return this.all.map((turn) => turn.toRecord());
  }

  stop(): void {
    this.#abort?.abort();
  }

  /** Resolves when the current answer, if any, has ended and been saved. */
  async settled(): Promise<void> {
    await this.#running;
    await this.#saving;
  }

  /** Stops and disables saving. Once it resolves, the saved conversation can be deleted for good. */
  async discard(): Promise<void> {
    this.#discarded = true;
    this.stop();
    await this.settled();
  }

  async #ask(
    { question, parent, continues, attachments }: Pick<Turn, 'question' | 'parent'> & Partial<Turn>,
    target: Target,
  ): Promise<void> {
    const text = question.trim();
    if (this.busy || this.full || this.#discarded || text === '') return;
    const turn = new Turn({
      id: this.#parts.newId(),
      parent,
      question: text,
      continues,
      attachments: attachments?.map(({ id, name, text }) => ({ id, name, text })),
      askedAt: this.#parts.now(),
    });
    this.all = [...this.all, turn];
    await this.#begin(turn, target);
  }

  #begin(turn: Turn, target: Target): Promise<void> {
    this.#tip = turn.id;
    this.#running = this.#run(turn, target);
    return this.#running;
  }

  async #run(turn: Turn, target: Target): Promise<void> {
    const abort = new AbortController();
    this.#abort = abort;
    turn.live = true;
    this.#updatedAt = this.#parts.now();
    let savedAt = this.#updatedAt;
    void this.save();
    try {
      // If stopped before the tab is ready, do not wait for it.
      const asking = await raceSignal(this.#parts.asking(), abort.signal);
      await raceSignal(this.#fill(turn, target), abort.signal);
      const where = target.by === 'this-device' ? 'this-device' : 'network';
      for await (const event of asking.ask(this.#request(turn, target), { signal: abort.signal, where })) {
        turn.apply(event);
        if (this.#parts.now() - savedAt < saveEveryMs) continue;
        savedAt = this.#parts.now();
        void this.save();
      }
    } catch (error) {
      if (abort.signal.aborted) turn.apply({ type: 'job-cancelled', at: this.#parts.now() });
      else this.#fail(turn, error);
    } finally {
      turn.live = false;
      this.#abort = undefined;
      this.#updatedAt = this.#parts.now();
      await this.save();
    }
  }

  /** Decides what of its attachments a question takes along, for the model that is likely to answer now. */
  async #fill(turn: Turn, target: Target): Promise<void> {
    if (turn.attachments.length === 0) return;
    const room = this.#room(turn.question, target);
    const { prompt, attachments } = await promptWith(turn.question, turn.attachments, room, this.#parts.rank);
    turn.prompt = prompt;
    turn.attachments = attachments;
  }

  #room(question: string, target: Target): number {
    const contextTokens = this.#parts.contextTokens(target);
    const used = `${question}${this.options.system ?? ''}`;
    return attachmentRoom(used, contextTokens, answerRoom(contextTokens, this.#terms().answerTokensMax));
  }

  #terms(): AskingTerms {
    const { answerTokensMax, temperature } = this.#parts.settings();
    return { answerTokensMax, temperature, ...definedOf(this.options) };
  }

  #request(turn: Turn, target: Target): AskRequest {
    const { request, leftOut } = toAskRequest(pathTo(this.all, turn.id), target, {
      terms: this.#terms(),
      contextTokens: this.#parts.contextTokens(target),
      budget: this.#parts.budget(),
    });
    turn.leftOut = leftOut;
    return request;
  }

  #fail(turn: Turn, error: unknown): void {
    if (isOver(turn.answer)) return;
    turn.apply({ type: 'job-failed', at: this.#parts.now(), error: toErrorRecord(error), rejections: [] });
  }

  /** Saves what there is. */
  save(): Promise<void> {
    this.#nextSave ??= this.#saving.then(() => {
      this.#nextSave = undefined;
      return this.#saveNow();
    });
    this.#saving = this.#nextSave;
    return this.#saving;
  }

  async #saveNow(): Promise<void> {
    if (this.all.length === 0 || this.#discarded) return;
    try {
      await this.#parts.save(this.toRecord(), this.toTurnRecords(), this.busy);
      this.saveError = undefined;
    } catch (error) {
      this.saveError = toErrorRecord(error);
    }
  }
}
