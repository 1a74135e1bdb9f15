import { notReading, reduceReading, type Reading, type ReadingEvent } from '#lib/state/speech/reading.ts';
import { chooseVoice, languageOf, toSpoken, type Voice } from '#lib/state/speech/spoken.ts';

/** What reads aloud: the browser's `speechSynthesis`. */
export interface Speech<V extends Voice> {
  voices(): readonly V[];
  /** Calls back once: with the browser's word for what went wrong, if anything did. */
  speak(text: string, voice: V, ended: (error?: string) => void): void;
  /** Ends whatever is read on this page. */
  cancel(): void;
}

interface ReadingParts<V extends Voice> {
  readonly speech: Speech<V>;
  readonly keepConsent: () => void;
}

interface ReadingHow {
  /** Language of the page. */
  readonly page: string;
  /** What is said in place of a block of code. */
  readonly codeWord: string;
  readonly consent: 'given' | 'none';
}

/** Reads one answer at a time by the browser's own voices: the runner of {@link reduceReading}. */
export class ReadingAloud<V extends Voice> {
  state = $state.raw<Reading>(notReading);
  readonly #parts: ReadingParts<V>;
  #pieces: readonly string[] = [];
  #voice: V | undefined;
  /** Identifies what is being said: an end that comes late ends nothing. */
  #said: symbol | undefined;

  constructor(parts: ReadingParts<V>) {
    this.#parts = parts;
    // Browsers load their voices when they are first asked for.
    parts.speech.voices();
  }

  /** Begins to read, or stops. */
  press(markdown: string, { page, codeWord, consent }: ReadingHow): void {
    if (this.state.phase === 'off' || this.state.phase === 'failed') {
      const language = languageOf(markdown, page);
      this.#pieces = toSpoken(markdown, codeWord, language);
      this.#voice = chooseVoice(this.#parts.speech.voices(), language);
    }
    const voice = this.#voice ? (this.#voice.localService ? 'local' : 'remote') : 'none';
    this.apply({ type: 'pressed', pieces: this.#pieces.length, voice, consent });
  }

  apply(event: ReadingEvent): void {
    const [next, ...effects] = reduceReading(this.state, event);
    this.state = next;
    for (const effect of effects) {
      if (effect.type === 'speak') this.#speak(effect.piece);
      else if (effect.type === 'cancel') this.#cancel();
      else this.#parts.keepConsent();
    }
  }

  #speak(piece: number): void {
    const [text, voice] = [this.#pieces[piece], this.#voice];
    if (text === undefined || !voice) return this.apply({ type: 'failed' });
    const said = Symbol(text);
    this.#said = said;
    this.#parts.speech.speak(text, voice, (error) => {
      if (this.#said === said) this.apply({ type: endOf(error) });
    });
  }

  #cancel(): void {
    this.#said = undefined;
    this.#parts.speech.cancel();
  }
}

/** Where another answer is read now, that is no failure of this one. */
const endOf = (error: string | undefined) =>
  error === undefined ? 'piece-ended' : error === 'interrupted' || error === 'canceled' ? 'interrupted' : 'failed';
