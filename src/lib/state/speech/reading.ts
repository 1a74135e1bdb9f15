/** An answer read aloud, piece by piece: long texts at once are cut off by some browsers. */
export type Reading =
  | { readonly phase: 'off' }
  /** Only a voice of the browser's maker is there, and the user is asked whether the text may go to it. */
  | { readonly phase: 'asking'; readonly pieces: number }
  | { readonly phase: 'reading'; readonly piece: number; readonly pieces: number }
  | { readonly phase: 'failed'; readonly why: 'no-voice' | 'unknown' };

export type ReadingEvent =
  /** The one button: it begins, and it ends. @param voice that would read. */
  | {
      readonly type: 'pressed';
      readonly pieces: number;
      readonly voice: 'local' | 'remote' | 'none';
      readonly consent: 'given' | 'none';
    }
  | { readonly type: 'agreed' }
  | { readonly type: 'declined' }
  | { readonly type: 'piece-ended' }
  | { readonly type: 'failed' }
  /** The browser reads something else now. */
  | { readonly type: 'interrupted' }
  /** The answer is no longer on screen. */
  | { readonly type: 'left' };

export type ReadingEffect =
  { readonly type: 'speak'; readonly piece: number } | { readonly type: 'cancel' | 'keep-consent' };

type Step = readonly [Reading, ...effects: readonly ReadingEffect[]];

export const notReading: Reading = { phase: 'off' };

/** Pure; an event that does not fit the phase changes nothing. */
export function reduceReading(state: Reading, event: ReadingEvent): Step {
  switch (event.type) {
    case 'pressed':
      if (state.phase === 'reading') return [notReading, { type: 'cancel' }];
      if (state.phase === 'asking' || event.pieces === 0) return [notReading];
      if (event.voice === 'none') return [{ phase: 'failed', why: 'no-voice' }];
      if (event.voice === 'remote' && event.consent === 'none') return [{ phase: 'asking', pieces: event.pieces }];
      return begin(event.pieces);
    case 'agreed': {
      if (state.phase !== 'asking') return [state];
      const [reading, ...effects] = begin(state.pieces);
      return [reading, { type: 'keep-consent' }, ...effects];
    }
    case 'declined':
      return [state.phase === 'asking' ? notReading : state];
    case 'piece-ended': {
      if (state.phase !== 'reading') return [state];
      const piece = state.piece + 1;
      return piece < state.pieces
        ? [
            { ...state, piece },
            { type: 'speak', piece },
          ]
        : [notReading];
    }
    case 'failed':
      return state.phase === 'reading' ? [{ phase: 'failed', why: 'unknown' }, { type: 'cancel' }] : [state];
    case 'interrupted':
      // Whatever is read by now is not this, and goes on.
      return [state.phase === 'reading' ? notReading : state];
    case 'left':
      return state.phase === 'reading' ? [notReading, { type: 'cancel' }] : [notReading];
  }
}

/** Whatever else is being read ends first. */
const begin = (pieces: number): Step => [
  { phase: 'reading', piece: 0, pieces },
  { type: 'cancel' },
  { type: 'speak', piece: 0 },
];
