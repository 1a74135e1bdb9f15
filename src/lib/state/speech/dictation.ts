/** What a browser says when it cannot listen, as far as somebody can do something about it. */
export type DictationFailure = 'not-allowed' | 'no-microphone' | 'no-service' | 'no-speech' | 'no-language' | 'unknown';

export type Dictation =
  | { readonly phase: 'off' }
  /** The user is asked whether the browser may send the sound to its maker. */
  | { readonly phase: 'asking' }
  /** `heard`: words that may still change. */
  | { readonly phase: 'listening'; readonly heard: string }
  | { readonly phase: 'failed'; readonly why: DictationFailure };

export type DictationEvent =
  /** The one button: it begins, and it ends. */
  | { readonly type: 'pressed'; readonly consent: 'given' | 'none' }
  | { readonly type: 'agreed' }
  | { readonly type: 'declined' }
  | { readonly type: 'heard'; readonly final: string; readonly interim: string }
  | { readonly type: 'failed'; readonly why: DictationFailure }
  /** The browser has stopped listening. */
  | { readonly type: 'ended' }
  /** The question was sent, or another conversation is on screen: what is still heard belongs nowhere. */
  | { readonly type: 'left' };

export type DictationEffect =
  { readonly type: 'start' | 'stop' | 'keep-consent' } | { readonly type: 'write'; readonly text: string };

type Step = readonly [Dictation, ...effects: readonly DictationEffect[]];

export const notDictating: Dictation = { phase: 'off' };
const listening: Dictation = { phase: 'listening', heard: '' };
const heardLengthMax = 2_000;

/** Pure; an event that does not fit the phase changes nothing. */
export function reduceDictation(state: Dictation, event: DictationEvent): Step {
  switch (event.type) {
    case 'pressed':
      if (state.phase === 'listening') return [notDictating, { type: 'stop' }, ...written(state.heard)];
      if (state.phase === 'asking') return [notDictating];
      return event.consent === 'given' ? [listening, { type: 'start' }] : [{ phase: 'asking' }];
    case 'agreed':
      return state.phase === 'asking' ? [listening, { type: 'keep-consent' }, { type: 'start' }] : [state];
    case 'declined':
      return [state.phase === 'asking' ? notDictating : state];
    case 'heard':
      if (state.phase !== 'listening') return [state];
      return [{ phase: 'listening', heard: event.interim.slice(0, heardLengthMax) }, ...written(event.final)];
    case 'failed':
      if (state.phase !== 'listening') return [state];
      return [{ phase: 'failed', why: event.why }, { type: 'stop' }, ...written(state.heard)];
    case 'ended':
      return state.phase === 'listening' ? [notDictating, ...written(state.heard)] : [state];
    case 'left':
      return state.phase === 'listening' ? [notDictating, { type: 'stop' }] : [notDictating];
  }
}

const written = (text: string): readonly DictationEffect[] => (text.trim() === '' ? [] : [{ type: 'write', text }]);

/** The language to listen for: as the user's browser names that of the page, with its region, or else that of the page. */
export function dictatedLanguage(page: string, preferred: readonly string[]): string {
  const primary = (tag: string) => tag.split('-')[0];
  return preferred.find((tag) => primary(tag) === primary(page)) ?? page;
}

/** A draft with what was said at its end. */
export function withDictated(draft: string, said: string): string {
  const words = said.trim();
  return draft === '' || /\s$/.test(draft) ? `${draft}${words}` : `${draft} ${words}`;
}
