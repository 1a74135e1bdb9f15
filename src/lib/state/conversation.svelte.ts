import { toErrorRecord, type ErrorRecord } from '#lib/base/errors.ts';
import type { AskRequest } from '#lib/peer/spec.ts';
import { answerTurn } from './answer-turn.ts';
import { createAskPlan } from './ask-plan.ts';
import type { OfferedTools } from './ask-request.ts';
import { attachedOf, attachmentsFit, type Attachment } from './attachment.ts';
import type { ConversationParts } from './conversation-spec.ts';
import { goOn, titleFrom, turnsMax, type ChatOptions, type ConversationRecord, type TurnRecord } from './records.ts';
import { continueTurn } from './go-on.ts';
import { createSerialSave } from './serial-save.ts';
import { narrowRoute, type Needs } from './narrow-route.ts';
import type { RoutePreview, Target } from './target.ts';
import { answerWithTools } from './tools/answer-with-tools.ts';
import { Turn } from './turn.svelte.ts';
import { childrenOf, linkTurns, newestBelow, pathTo } from './turn-tree.ts';

type Asked = Pick<Turn, 'question' | 'parent'> & Partial<Pick<Turn, 'continues' | 'attachments' | 'results'>>;
type Meta = Pick<
  ConversationRecord,
  'title' | 'named' | 'pinned' | 'folder' | 'tags' | 'archived' | 'options' | 'comparing'
>;

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
  /** Whom the next question is asked too, so that two answers can be compared. */
  compareWith = $state.raw<Target>();
  #meta = $state.raw<Meta>({ title: '' });
  #tip = $state.raw<string>();
  readonly #children = $derived(childrenOf(this.all));
  /** What is on screen: one path through the versions. */
  readonly turns = $derived(pathTo(this.all, this.#tip));
  /** The two versions that are compared, until one is kept or the conversation goes on. */
  readonly compared = $derived.by(() => {
    const both = (this.#meta.comparing ?? []).flatMap((id) => this.all.find((turn) => turn.id === id) ?? []);
    return both.length === 2 && both.includes(this.turns.at(-1)!) ? both : undefined;
  });
  /** Of the versions that are compared, as long as this page remembers. */
  #targets: ReadonlyMap<string, Target> = new Map();
  #abort = $state.raw<AbortController>();
  /** What is asked for the next question. */
  #aside: AbortController | undefined;
  #running: Promise<void> = Promise.resolve();
  readonly #plan: ReturnType<typeof createAskPlan>;
  readonly #saves = createSerialSave(() => this.#saveNow());
  #updatedAt: number;
  #discarded = false;
  readonly #parts: ConversationParts;

  constructor(parts: ConversationParts, saved?: { record: ConversationRecord; turns: readonly TurnRecord[] }) {
    this.#parts = parts;
    this.#plan = createAskPlan(
      parts,
      () => this.options,
      () => this.needs,
    );
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
    return titleFrom(first.question);
  }

  /** The versions of a turn that is on screen, itself among them, oldest first. */
  versions(turn: Turn): readonly Turn[] {
    return this.#children.get(turn.parent) ?? [turn];
  }

  /** Asks a question; resolves when the answer has ended in any way. Does nothing while an answer is in progress. */
  async send(question: string, target: Target): Promise<void> {
    const attachments = this.pending;
    const targets = this.compareWith ? [target, this.compareWith] : [target];
    const asked = this.#ask({ question, parent: this.turns.at(-1)?.id ?? null, attachments }, ...targets);
    if (this.busy) this.pending = [];
    await asked;
  }

  /** Whether all that is attached will be sent with this question, or only the passages that match it. */
  pendingFits(question: string, target: Target): boolean {
    return this.pending.length === 0 || attachmentsFit(this.pending, this.#plan.room(question, target));
  }

  /** Whether a peer that the target allows could find passages by their meaning. */
  meaningOffered(target: Target): boolean {
    return this.#parts.meaning.model(target) !== undefined;
  }

  /** Pictures that nobody sees whom the next question could go to now: those it has attached, and those before it. */
  unseenPictures(target: Target): { readonly pending: number; readonly before: number } {
    const asked = this.compareWith ? [target, this.compareWith] : [target];
    if (asked.every((one) => this.#parts.sees(one, this.options.tier))) return { pending: 0, before: 0 };
    const count = (list: readonly Attachment[]) => list.filter(({ picture }) => picture).length;
    return { pending: count(this.pending), before: this.turns.reduce((sum, turn) => sum + count(turn.attachments), 0) };
  }

  /** What whoever answers the next question has to have. */
  get needs(): Needs {
    const isSeen = (list: readonly Attachment[]) => list.some(({ picture }) => picture);
    const earlier = () => this.turns.some(({ attachments }) => isSeen(attachments));
    const { tier } = this.options;
    return { tier, sight: isSeen(this.pending) ? 'must' : earlier() ? 'rather' : undefined };
  }

  /** Whom of this route the next question could go to. */
  narrow(preview: RoutePreview, target: Target): RoutePreview {
    return narrowRoute(preview, target, this.needs);
  }

  /** Whether the tools that are switched on will be offered with the next question. */
  toolsUsable(target: Target): boolean {
    return this.#parts.tools.usable(target, this.options.tier);
  }

  /** Asks the last question again: as another version, or in place of an answer that failed. */
  async retry(target: Target): Promise<void> {
    const turn = this.turns.at(-1);
    if (turn) await this.regenerate(turn, target);
  }

  /** Asks a question again and keeps the answer it had as another version, unless that one failed or was cut off. */
  async regenerate(turn: Turn, target: Target): Promise<void> {
    if (this.busy || this.#discarded) return;
    if ((!turn.interrupted && turn.answer.phase !== 'failed') || turn.wentOn) return this.#ask(turn, target);
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
    if (cut?.answer.reason !== 'length' || this.busy || this.#discarded) return;
    const request = this.#plan.goOn(this.turns, target);
    let went: Awaited<ReturnType<typeof continueTurn>> = 'no-further';
    if (request) {
      const follow = (signal: AbortSignal) => this.#follow(cut, async () => request, target, signal);
      await this.#answer(async (signal) => void (went = await continueTurn(cut, () => follow(signal))));
    }
    if (went === 'no-further') await this.#ask({ question: goOn, parent: cut.id, continues: true }, target);
  }

  /** Shows a version, and the newest of what followed it. */
  choose(version: Turn): void {
    this.#tip = newestBelow(this.#children, version.id);
    void this.save();
  }

  /** Goes on with one of two versions that are compared. Returns whom it was asked, if that is known. */
  keep(version: Turn): Target | undefined {
    this.compareWith = undefined;
    this.describe({ comparing: undefined });
    this.choose(version);
    return this.#targets.get(version.id);
  }

  /** Shows the version that holds this turn. Returns whether there is such a turn. */
  reveal(id: string): boolean {
    const turn = this.all.find((one) => one.id === id);
    if (turn && !this.turns.includes(turn)) this.choose(turn);
    return turn !== undefined;
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

  /** Whether the user's note about themselves goes with the next question: with those of conversations that are new, not private ones. */
  get tellsAbout(): boolean {
    const { aboutYou, privateMode } = this.#parts.settings();
    return aboutYou.trim() !== '' && (this.options.about ?? (this.all.length === 0 && !privateMode));
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
    this.#aside?.abort();
  }

  /** Resolves when the current answer, if any, has ended and been saved. */
  async settled(): Promise<void> {
    await this.#running;
    await this.#saves.settled();
  }

  /** Stops and disables saving. Once it resolves, the saved conversation can be deleted for good. */
  async discard(): Promise<void> {
    this.#discarded = true;
    this.stop();
    await this.settled();
  }

  async #ask({ question, parent, ...rest }: Asked, ...targets: readonly Target[]): Promise<void> {
    const text = question.trim();
    const isEmpty = text === '' && (rest.results ?? []).length === 0;
    if (this.busy || this.all.length + targets.length > turnsMax || this.#discarded || isEmpty) return;
    if (this.tellsAbout) this.describe({ options: { ...this.options, about: true } });
    const turns = targets.map(() => this.#add({ question: text, parent, ...rest }));
    await (turns.length > 1 ? this.#compare(turns, targets) : this.#begin(turns[0]!, targets[0]!));
  }

  #add({ question, parent, continues, attachments, results }: Asked): Turn {
    const turn = new Turn({
      id: this.#parts.newId(),
      parent,
      question,
      continues,
      results,
      attachments: attachments && attachedOf(attachments),
      askedAt: this.#parts.now(),
    });
    this.all = [...this.all, turn];
    return turn;
  }

  #begin(turn: Turn, target: Target): Promise<void> {
    this.describe({ comparing: undefined });
    return this.#answer((signal) =>
      answerWithTools(turn, {
        tools: this.toolsUsable(target) ? this.#parts.tools.offered(this.options) : [],
        ask: (asked, offered) => this.#run(asked, target, offered, signal),
        run: this.#parts.tools.run,
        follow: ({ id }, results) => (this.full ? undefined : this.#add({ question: '', parent: id, results })),
        signal,
      }),
    );
  }

  /** Both are versions of one turn. Tools are not offered: what came of them would be turns of its own. */
  #compare(turns: readonly Turn[], targets: readonly Target[]): Promise<void> {
    this.#targets = new Map(turns.map(({ id }, index) => [id, targets[index]!] as const));
    this.describe({ comparing: turns.map(({ id }) => id) });
    return this.#answer(async (signal) => {
      const running = turns.map((turn, index) => this.#run(turn, targets[index]!, undefined, signal));
      this.#tip = turns[0]?.id;
      await Promise.all(running);
    });
  }

  #answer(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const abort = new AbortController();
    this.#aside?.abort();
    this.#abort = abort;
    this.#running = (async () => {
      try {
        await work(abort.signal);
      } catch (error) {
        if (!abort.signal.aborted) throw error;
      } finally {
        this.#abort = undefined;
        this.#updatedAt = this.#parts.now();
        await this.save();
        if (!abort.signal.aborted) void this.#suggest();
      }
    })();
    return this.#running;
  }

  /** Asks whoever has just answered what could be asked next, where the user wants that, until the conversation goes on. */
  async #suggest(): Promise<void> {
    const { followUps, followUpsInPrivate, privateMode } = this.#parts.settings();
    const turn = this.turns.at(-1);
    if (!followUps || (privateMode && !followUpsInPrivate) || !turn || this.compared || this.#discarded) return;
    const aside = new AbortController();
    this.#aside = aside;
    const found = await this.#parts.suggest(turn.question, turn.answer, aside.signal);
    if (!aside.signal.aborted) turn.followUps = found;
  }

  #run(turn: Turn, target: Target, tools: OfferedTools | undefined, signal: AbortSignal): Promise<void> {
    const request = async () => {
      await this.#plan.fill(turn, target, signal);
      return this.#plan.request(pathTo(this.all, turn.id), target, tools);
    };
    return this.#follow(turn, request, target, signal);
  }

  #follow(turn: Turn, request: () => Promise<AskRequest>, target: Target, signal: AbortSignal): Promise<void> {
    const { asking, now } = this.#parts;
    this.#tip = turn.id;
    this.#updatedAt = now();
    const where = target.by === 'this-device' ? 'this-device' : 'network';
    return answerTurn(turn, { asking, now, where, request, save: () => void this.save(), signal });
  }

  /** Saves what there is. */
  save(): Promise<void> {
    return this.#saves.save();
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
