import { errorCode, TabloomError } from '#lib/base/errors.ts';
import type { AnswerPart, Message, Question } from './ask-http.ts';
import {
  idle,
  reduceLadder,
  type Failure,
  type LadderEvent,
  type LadderState,
  type Rung,
  type ToolCall,
} from './ladder.ts';

import { toolLimits } from './tools.ts';

/** A question with all that became of it. */
export interface Turn {
  readonly question: string;
  readonly ladder: LadderState;
}

export interface DialogueParts {
  /** The rungs that there are now, from the top. */
  readonly rungs: () => readonly Rung[];
  readonly ask: (rung: Rung, question: Question, signal: AbortSignal) => AsyncIterable<AnswerPart>;
  readonly model: () => string;
  readonly maxTokens: () => number;
  readonly tools: () => readonly object[];
  /** What the model is told before the conversation. */
  readonly instructions: () => string | undefined;
  readonly answerCall: (call: ToolCall) => Promise<string>;
  /** Called after every change. */
  readonly onChange: () => void;
}

export const questionLengthMax = 8_000;
/** Earlier turns that go along with a question, and their characters. */
const historyMax = { turns: 12, characters: 12_000 };

/** The conversation of a widget; one question at a time. */
export class Dialogue {
  turns: readonly Turn[] = [];
  readonly #parts: DialogueParts;
  #abort: AbortController | undefined;
  #ladder: LadderState = idle;
  /** Of the current question; aborted by a stop. */
  #asking: AbortController | undefined;

  constructor(parts: DialogueParts, earlier: readonly Turn[] = []) {
    this.#parts = parts;
    this.turns = earlier;
  }

  /** From a question until its answer has ended, while the site answers calls too. */
  get busy(): boolean {
    return this.#asking !== undefined;
  }

  /** Resolves with the turn when its answer has ended in any way; undefined where nothing was asked. */
  async ask(text: string): Promise<Turn | undefined> {
    const question = text.trim().slice(0, questionLengthMax);
    if (this.busy || question === '') return undefined;
    const messages = [...this.#before(), { role: 'user', content: question } satisfies Message];
    const asking = new AbortController();
    this.#asking = asking;
    this.turns = [...this.turns, { question, ladder: idle }];
    for (let round = 0; ; round++) {
      await this.#climb(messages, round);
      const { phase, calls, text: said } = this.#ladder;
      if (phase !== 'finished' || calls.length === 0 || round >= toolLimits.rounds) break;
      messages.push({ role: 'assistant', content: said || null, tool_calls: calls.map(toCall) });
      for (const call of calls) {
        messages.push({ role: 'tool', tool_call_id: call.id, content: await this.#parts.answerCall(call) });
      }
      if (asking.signal.aborted) break;
    }
    this.#asking = undefined;
    this.#parts.onChange();
    return this.turns.at(-1);
  }

  /** Asks the last question anew. */
  async again(): Promise<Turn | undefined> {
    const last = this.turns.at(-1);
    if (this.busy || !last) return undefined;
    this.turns = this.turns.slice(0, -1);
    return this.ask(last.question);
  }

  stop(): void {
    this.#asking?.abort();
    this.#apply({ type: 'stopped' });
  }

  clear(): void {
    this.stop();
    this.turns = [];
    this.#ladder = idle;
    this.#parts.onChange();
  }

  async #climb(messages: readonly Message[], round: number): Promise<void> {
    const { model, maxTokens, tools, rungs } = this.#parts;
    const question: Question = {
      messages: [...messages],
      model: model(),
      maxTokens: maxTokens(),
      // In the last round the model has to answer in words.
      tools: round < toolLimits.rounds ? tools() : [],
    };
    let effects = this.#apply({ type: 'question-asked', rungs: rungs() });
    for (;;) {
      const next = effects.find((effect) => effect.type === 'ask');
      if (!next) return;
      effects = await this.#askRung(next.rung, question);
    }
  }

  get #running(): boolean {
    return this.#ladder.phase === 'asking' || this.#ladder.phase === 'answering';
  }

  /** Resolves with what is to be done after it. */
  async #askRung(rung: Rung, question: Question): Promise<ReturnType<typeof reduceLadder>[1]> {
    const abort = new AbortController();
    this.#abort = abort;
    try {
      for await (const part of this.#parts.ask(rung, question, abort.signal)) {
        const effects = this.#apply(toEvent(rung, part));
        if (effects.length > 0 || !this.#running) return effects;
      }
      throw new TabloomError('cut-off', 'The answer ended before its end.');
    } catch (error) {
      if (!this.#running) return [];
      return this.#apply({ type: 'rung-failed', ...toFailure(rung, error) });
    }
  }

  #apply(event: LadderEvent) {
    const [state, effects] = reduceLadder(this.#ladder, event);
    if (state === this.#ladder) return effects;
    this.#ladder = state;
    const last = this.turns.at(-1);
    if (last) this.turns = [...this.turns.slice(0, -1), { ...last, ladder: state }];
    if (effects.some(({ type }) => type === 'abort')) this.#abort?.abort();
    this.#parts.onChange();
    return effects;
  }

  /** Instructions, and of the earlier turns the latest that were answered. */
  #before(): Message[] {
    const messages: Message[] = [];
    let characters = 0;
    for (const { question, ladder } of this.turns.slice(-historyMax.turns).toReversed()) {
      if (ladder.text === '') continue;
      characters += question.length + ladder.text.length;
      if (characters > historyMax.characters) break;
      messages.unshift({ role: 'user', content: question }, { role: 'assistant', content: ladder.text });
    }
    const instructions = this.#parts.instructions();
    return instructions === undefined ? messages : [{ role: 'system', content: instructions }, ...messages];
  }
}

function toEvent(rung: Rung, part: AnswerPart): LadderEvent {
  switch (part.type) {
    case 'text':
      return { type: 'text-delta', rung, text: part.text };
    case 'answerer':
      return { type: 'answerer-known', answerer: { rung, ...part.answerer } };
    case 'finished':
      return { type: 'rung-finished', rung, reason: part.reason, calls: part.calls };
  }
}

function toFailure(rung: Rung, error: unknown): Failure {
  const seconds = error instanceof TabloomError ? error.details['retryAfterSeconds'] : undefined;
  return { rung, code: errorCode(error), ...(typeof seconds === 'number' ? { retryAfterSeconds: seconds } : {}) };
}

const toCall = ({ id, name, arguments: json }: ToolCall) => ({
  id,
  type: 'function',
  function: { name, arguments: json },
});

/** A turn that was kept from an earlier page. */
export const keptTurn = (question: string, answer: string): Turn => ({
  question,
  ladder: { ...idle, phase: 'finished', text: answer },
});
