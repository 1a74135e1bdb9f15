import { raceSignal } from '#lib/base/abort.ts';
import { toErrorRecord, type ErrorRecord } from '#lib/base/errors.ts';
import { isOver } from '#lib/peer/session/job-state.ts';
import type { AskRequest } from '#lib/peer/spec.ts';
import type { ChatMessage } from '#lib/protocol/kinds/chat.ts';
import { fitMessages } from './fit-messages.ts';
import { turnsMax, type ConversationRecord, type TurnRecord } from './records.ts';
import type { Settings } from './settings.ts';
import type { Target } from './target.ts';
import { Turn } from './turn.svelte.ts';
import type { AskingPort } from './tab.ts';

/** What a conversation needs from outside. */
export interface ConversationParts {
  /** Resolves once the tab can ask. */
  readonly asking: () => Promise<AskingPort>;
  readonly settings: () => Pick<Settings, 'answerTokensMax' | 'temperature'>;
  /** Tokens the model that is likely to answer can read. */
  readonly contextTokens: (target: Target) => number;
  /** Called when a turn begins and when it ends. */
  readonly save: (conversation: ConversationRecord, turns: readonly TurnRecord[]) => Promise<void>;
  readonly now: () => number;
  readonly newId: () => string;
}

const titleLengthMax = 60;

/** A conversation on screen: one question at a time. */
export class Conversation {
  readonly id: string;
  readonly createdAt: number;
  turns = $state<Turn[]>([]);
  /** A failure to keep the conversation, which never loses the answer on screen. */
  saveError = $state.raw<ErrorRecord>();
  #abort = $state.raw<AbortController>();
  #running: Promise<void> = Promise.resolve();
  /** Saves in the order they were asked for: an older state never comes after a newer one. */
  #saving: Promise<void> = Promise.resolve();
  #discarded = false;
  readonly #parts: ConversationParts;

  constructor(parts: ConversationParts, saved?: { record: ConversationRecord; turns: readonly TurnRecord[] }) {
    this.#parts = parts;
    this.id = saved?.record.id ?? parts.newId();
    this.createdAt = saved?.record.createdAt ?? parts.now();
    this.turns = (saved?.turns ?? []).map((record) => new Turn(record));
  }

  get busy(): boolean {
    return this.#abort !== undefined;
  }

  get full(): boolean {
    return this.turns.length >= turnsMax;
  }

  /** Asks; resolves when the answer has ended, however it ended. Does nothing while one is under way. */
  async send(question: string, target: Target): Promise<void> {
    const text = question.trim();
    if (this.busy || this.full || this.#discarded || text === '') return;
    const turn = new Turn({ id: this.#parts.newId(), question: text, askedAt: this.#parts.now() });
    this.turns.push(turn);
    await this.#begin(this.turns.at(-1)!, target);
  }

  /** Asks the last question again; what came before for it is dropped. */
  async retry(target: Target): Promise<void> {
    const turn = this.turns.at(-1);
    if (this.busy || this.#discarded || !turn) return;
    turn.reset();
    await this.#begin(turn, target);
  }

  stop(): void {
    this.#abort?.abort();
  }

  /** Resolves when the answer under way, if any, has ended and is kept. */
  async settled(): Promise<void> {
    await this.#running;
    await this.#saving;
  }

  /** Stops, and keeps nothing from now on. Once it resolves, what was kept can be deleted and does not come back. */
  async discard(): Promise<void> {
    this.#discarded = true;
    this.stop();
    await this.settled();
  }

  #begin(turn: Turn, target: Target): Promise<void> {
    this.#running = this.#run(turn, target);
    return this.#running;
  }

  async #run(turn: Turn, target: Target): Promise<void> {
    const abort = new AbortController();
    this.#abort = abort;
    turn.live = true;
    void this.#save();
    try {
      // Stopped before there is a tab to ask, the question does not wait for it.
      const asking = await raceSignal(this.#parts.asking(), abort.signal);
      const where = target.by === 'this-device' ? 'this-device' : 'network';
      for await (const event of asking.ask(this.#request(turn, target), { signal: abort.signal, where })) {
        turn.apply(event);
      }
    } catch (error) {
      if (abort.signal.aborted) turn.apply({ type: 'job-cancelled', at: this.#parts.now() });
      else this.#fail(turn, error);
    } finally {
      turn.live = false;
      this.#abort = undefined;
      await this.#save();
    }
  }

  #request(turn: Turn, target: Target): AskRequest {
    const { answerTokensMax, temperature } = this.#parts.settings();
    const fitted = fitMessages(this.#messages(turn), this.#parts.contextTokens(target), answerTokensMax);
    turn.leftOut = fitted.leftOut;
    return {
      model: target.model === 'any' ? 'any' : { name: target.model },
      kind: 'chat',
      input: { messages: [...fitted.messages] },
      params: { maxTokens: fitted.maxTokens, temperature },
      tier: 'open',
      only: target.by === 'anyone' || target.by === 'this-device' ? undefined : [target.by],
    };
  }

  #messages(last: Turn): readonly ChatMessage[] {
    const before = this.turns.slice(0, this.turns.indexOf(last));
    return [
      ...before.flatMap(({ question, answer }): ChatMessage[] =>
        answer.text === ''
          ? []
          : [
              { role: 'user', content: question },
              { role: 'assistant', content: answer.text },
            ],
      ),
      { role: 'user', content: last.question },
    ];
  }

  #fail(turn: Turn, error: unknown): void {
    if (isOver(turn.answer)) return;
    turn.apply({ type: 'job-failed', at: this.#parts.now(), error: toErrorRecord(error), rejections: [] });
  }

  #save(): Promise<void> {
    this.#saving = this.#saving.then(() => this.#saveNow());
    return this.#saving;
  }

  async #saveNow(): Promise<void> {
    const [first] = this.turns;
    if (!first || this.#discarded) return;
    try {
      await this.#parts.save(
        {
          id: this.id,
          title: first.question.replace(/\s+/g, ' ').slice(0, titleLengthMax),
          createdAt: this.createdAt,
          updatedAt: this.#parts.now(),
          turns: this.turns.length,
        },
        this.turns.map((turn) => turn.toRecord()),
      );
      this.saveError = undefined;
    } catch (error) {
      this.saveError = toErrorRecord(error);
    }
  }
}
