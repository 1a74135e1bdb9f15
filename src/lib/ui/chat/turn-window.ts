/**
 * Which turns of a long conversation are drawn. Both are counted from its end, so that another version with fewer turns leaves
 * something to see.
 */
export interface TurnWindow {
  readonly count: number;
  /** Later turns that are not drawn. */
  readonly below: number;
}

const countAtFirst = 30;
const more = 50;
/** How many turns follow one that was looked for. */
const after = 10;

export const atEnd: TurnWindow = { count: countAtFirst, below: 0 };

/** The index of the first turn that is drawn, and that after the last. */
export function boundsOf({ count, below }: TurnWindow, length: number): { readonly from: number; readonly to: number } {
  const to = below < length ? length - below : length;
  return { from: Math.max(0, to - count), to };
}

export const withEarlier = ({ count, below }: TurnWindow): TurnWindow => ({ count: count + more, below });

export function withLater({ count, below }: TurnWindow): TurnWindow {
  const added = Math.min(more, below);
  return { count: count + added, below: below - added };
}

export const withEnd = (window: TurnWindow): TurnWindow => (window.below === 0 ? window : { ...window, below: 0 });

/** As it is if the turn at this index is drawn already. */
export function around(window: TurnWindow, length: number, index: number): TurnWindow {
  const { from, to } = boundsOf(window, length);
  if (index >= from && index < to) return window;
  return { count: countAtFirst, below: Math.max(0, length - index - after) };
}
