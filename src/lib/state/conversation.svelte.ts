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

/** Dependencies of a conversation. */
export interface ConversationParts {
  /** Resolves once the tab is ready to ask. */
  readonly asking: () => Promise<AskingPort>;
  readonly settings: () => Pick<Settings, 'answerTokensMax' | 'temperature'>;
  /** The most the answer may cost, in the smallest unit; undefined if it has to be free. */
  readonly budget: () => string | undefined;
  /** Context size of the model likely to answer, in tokens. */
  readonly contextTokens: (target: Target) => number;
  /** Called when a turn starts and when it ends. */
  readonly save: (conversation: ConversationRecord, turns: readonly TurnRecord[]) => Promise<void>;
  readonly now: () => number;
  readonly newId: () => string;
}

const titleLengthMax = 60;

/** The conversation on screen; one question at a time. */
export class Conversation {
  readonly id: string;
  readonly createdAt: number;
  turns = $state<Turn[]>([]);
  /** Why the conversation could not be saved. The answer stays on screen regardless. */
  saveError = $state.raw<ErrorRecord>();
  #abort = $state.raw<AbortController>();
  #running: Promise<void> = Promise.resolve();
  /** Serialises saves, so that an older state never overwrites a newer one. */
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

  /** Asks a question; resolves when the answer has ended in any way. Does nothing while an answer is in progress. */
  async send(question: string, target: Target): Promise<void> {
    const text = question.trim();
    if (this.busy || this.full || this.#discarded || text === '') return;
    const turn = new Turn({ id: this.#parts.newId(), question: text, askedAt: this.#parts.now() });
    this.turns.push(turn);
    await this.#begin(this.turns.at(-1)!, target);
  }

  /** Asks the last question again, discarding its previous answer. */
  async retry(target: Target): Promise<void> {
    const turn = this.turns.at(-1);
    if (this.busy || this.#discarded || !turn) return;
    turn.reset();
    await this.#begin(turn, target);
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
      // If stopped before the tab is ready, do not wait for it.
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
      budget: target.by === 'this-device' ? undefined : this.#parts.budget(),
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
