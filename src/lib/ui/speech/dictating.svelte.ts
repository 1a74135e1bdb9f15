import {
  notDictating,
  reduceDictation,
  type Dictation,
  type DictationEvent,
  type DictationFailure,
} from '#lib/state/speech/dictation.ts';

/** The part of the Web Speech API's `SpeechRecognition` that is used. */
export interface Recogniser {
  lang: string;
  continuous: boolean;
  interimResults: boolean;
  onresult: ((event: RecognitionEvent) => void) | null;
  onerror: ((event: { readonly error: string }) => void) | null;
  onend: (() => void) | null;
  start(): void;
  abort(): void;
}

export interface RecognitionEvent {
  /** The first of the results that are new. */
  readonly resultIndex: number;
  readonly results: ArrayLike<{ readonly isFinal: boolean; readonly 0?: { readonly transcript: string } }>;
}

interface DictatingParts {
  readonly create: () => Recogniser;
  readonly language: () => string;
  readonly write: (text: string) => void;
  readonly keepConsent: () => void;
}

const failures: Readonly<Record<string, DictationFailure>> = {
  'not-allowed': 'not-allowed',
  'service-not-allowed': 'not-allowed',
  'audio-capture': 'no-microphone',
  network: 'no-service',
  'no-speech': 'no-speech',
  'language-not-supported': 'no-language',
};

/** Listens by the browser's own recogniser: the runner of {@link reduceDictation}. */
export class Dictating {
  state = $state.raw<Dictation>(notDictating);
  readonly #parts: DictatingParts;
  #recogniser: Recogniser | undefined;

  constructor(parts: DictatingParts) {
    this.#parts = parts;
  }

  apply(event: DictationEvent): void {
    const [next, ...effects] = reduceDictation(this.state, event);
    this.state = next;
    for (const effect of effects) {
      if (effect.type === 'start') this.#start();
      else if (effect.type === 'stop') this.#stop();
      else if (effect.type === 'write') this.#parts.write(effect.text);
      else this.#parts.keepConsent();
    }
  }

  #start(): void {
    this.#stop();
    try {
      const recogniser = this.#parts.create();
      this.#recogniser = recogniser;
      recogniser.lang = this.#parts.language();
      recogniser.continuous = true;
      recogniser.interimResults = true;
      recogniser.onresult = (event) => this.apply({ type: 'heard', ...wordsOf(event) });
      recogniser.onerror = ({ error }) => this.apply({ type: 'failed', why: failures[error] ?? 'unknown' });
      recogniser.onend = () => this.apply({ type: 'ended' });
      recogniser.start();
    } catch {
      this.apply({ type: 'failed', why: 'unknown' });
    }
  }

  /** One that was stopped may still say something, which nobody hears any more. */
  #stop(): void {
    const recogniser = this.#recogniser;
    this.#recogniser = undefined;
    if (!recogniser) return;
    recogniser.onresult = null;
    recogniser.onerror = null;
    recogniser.onend = null;
    try {
      recogniser.abort();
    } catch {
      // It had not begun.
    }
  }
}

function wordsOf({ resultIndex, results }: RecognitionEvent): { readonly final: string; readonly interim: string } {
  let [final, interim] = ['', ''];
  for (let index = resultIndex; index < results.length; index++) {
    const result = results[index];
    const words = result?.[0]?.transcript ?? '';
    if (result?.isFinal) final += words;
    else interim += words;
  }
  return { final, interim };
}
