import type { Speech } from './reading-aloud.svelte.ts';

/** The browser's voices; undefined where it has none at all. */
export function browserSpeech(scope: {
  readonly speechSynthesis?: SpeechSynthesis;
}): Speech<SpeechSynthesisVoice> | undefined {
  const { speechSynthesis: synthesis } = scope;
  if (!synthesis) return undefined;
  /** Some browsers forget what nobody holds in the middle of a word. */
  let held: SpeechSynthesisUtterance | undefined;
  return {
    voices: () => synthesis.getVoices(),
    speak(text, voice, ended) {
      held = new SpeechSynthesisUtterance(text);
      held.voice = voice;
      held.lang = voice.lang;
      held.addEventListener('end', () => ended());
      held.addEventListener('error', ({ error }) => ended(error));
      synthesis.speak(held);
    },
    cancel: () => synthesis.cancel(),
  };
}
