import type { Logprob } from '#lib/protocol/part.ts';

/**
 * A piece of raw output. `tokens` counts the tokens of the text; a token that ends inside a character has no text yet.
 */
export interface RawPiece {
  readonly text: string;
  readonly tokens: number;
  readonly ids?: readonly number[] | undefined;
  /** One per token, if requested. */
  readonly logprobs?: readonly Logprob[] | undefined;
}

export interface StopFilter {
  /** Releases text that cannot be part of a stop sequence. `matched`: the answer ends here. */
  push(piece: RawPiece): { readonly released: RawPiece; readonly matched: boolean };
  /** Releases what is still held back when the answer ends without a match. */
  flush(): RawPiece;
  /** Whether text would be released as it comes: there are no stop sequences, and nothing is held back. */
  isOpen(): boolean;
}

interface HeldPiece {
  /** Offset of the piece's text in the held text. */
  readonly start: number;
  readonly tokens: number;
  readonly ids: readonly number[] | undefined;
  readonly logprobs: readonly Logprob[] | undefined;
}

/**
 * Cuts an answer before the stop sequence that completes first, even if it spans pieces, by holding back any suffix
 * that could still become one. A token is released with the first character of its text, so tokens entirely inside the
 * stop sequence are neither delivered nor counted. Shared by all engines, so that their counts agree.
 *
 * `whole` pieces are held back as one, for an answer that can be resumed from its text alone: text that ended inside a
 * token already counted would be completed by another one.
 */
export function createStopFilter(stops: readonly string[], held: 'tails' | 'whole' = 'tails'): StopFilter {
  let text = '';
  let pieces: HeldPiece[] = [];

  const release = (length: number, rest: 'keep' | 'drop'): RawPiece => {
    const out = text.slice(0, length);
    // Tokens without text are attributed to the text that follows or, at the end, to the text before.
    const leaves = (piece: HeldPiece) => piece.start < length || (length === text.length && rest === 'keep');
    const left = pieces.filter((piece) => leaves(piece));
    pieces = pieces.filter((piece) => !leaves(piece)).map((piece) => ({ ...piece, start: piece.start - length }));
    text = text.slice(length);
    const tokens = left.reduce((sum, piece) => sum + piece.tokens, 0);
    const ids = left.flatMap((piece) => piece.ids ?? []);
    const logprobs = left.flatMap((piece) => piece.logprobs ?? []);
    return {
      text: out,
      tokens,
      ...(ids.length > 0 && ids.length === tokens ? { ids } : {}),
      ...(logprobs.length > 0 ? { logprobs } : {}),
    };
  };

  const isOpen = () => stops.length === 0 && pieces.length === 0;

  return {
    isOpen,
    push(piece) {
      // As nearly every piece of nearly every answer: nothing is kept of it.
      if (piece.text !== '' && isOpen()) return { released: whole(piece), matched: false };
      pieces.push({ start: text.length, tokens: piece.tokens, ids: piece.ids, logprobs: piece.logprobs });
      text += piece.text;
      const match = firstMatch(text, stops);
      if (match !== undefined) return { released: release(match, 'drop'), matched: true };
      const heldFrom = text.length - heldTail(text, stops);
      const isBegun = heldFrom < text.length && held === 'whole';
      const free = isBegun ? pieces.findLast(({ start }) => start <= heldFrom)!.start : heldFrom;
      // A token that ends inside a character waits for its text.
      if (free === 0) return { released: { text: '', tokens: 0 }, matched: false };
      return { released: release(free, 'keep'), matched: false };
    },
    flush: () => release(text.length, 'keep'),
  };
}

/** A piece as it is released by itself: ids that are not one a token are left out. */
function whole({ text, tokens, ids = [], logprobs = [] }: RawPiece): RawPiece {
  return {
    text,
    tokens,
    ...(ids.length > 0 && ids.length === tokens ? { ids } : {}),
    ...(logprobs.length > 0 ? { logprobs } : {}),
  };
}

/** Start of the sequence that completes first, so that the cut does not depend on how the text was split. */
function firstMatch(text: string, stops: readonly string[]): number | undefined {
  let first: { readonly start: number; readonly end: number } | undefined;
  for (const stop of stops) {
    const start = text.indexOf(stop);
    const end = start + stop.length;
    if (start < 0) continue;
    if (!first || end < first.end || (end === first.end && start < first.start)) first = { start, end };
  }
  return first?.start;
}

/** Length of the longest suffix of `text` that is a prefix of a stop sequence. */
function heldTail(text: string, stops: readonly string[]): number {
  let longest = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
      if (stop.startsWith(text.slice(text.length - length))) longest = length;
    }
  }
  return longest;
}
