/**
 * A conversation is a tree: each turn names the turn it follows. Editing a question or asking again adds a sibling, and nothing
 * is overwritten. What is on screen is one path, from the first turn to the one chosen last.
 */
export interface TreeTurn {
  readonly id: string;
  /** The turn this one follows; null for a first one. */
  readonly parent: string | null;
}

/** Turns by what they follow, in the order given. */
export type Children<T> = ReadonlyMap<string | null, readonly T[]>;

/**
 * Names the parent of turns saved before versions existed: each follows the one saved before it. Turns that know theirs keep it,
 * unless that one is gone; they then follow the turn before them, so that none is out of reach.
 */
export function linkTurns<T extends { readonly id: string; readonly parent?: string | null | undefined }>(
  turns: readonly T[],
): (T & TreeTurn)[] {
  const before = new Set<string>();
  let last: string | null = null;
  return turns.map((turn) => {
    const known = turn.parent === null || (turn.parent !== undefined && before.has(turn.parent));
    const parent: string | null = known ? turn.parent! : last;
    before.add(turn.id);
    last = turn.id;
    return { ...turn, parent };
  });
}

export function childrenOf<T extends TreeTurn>(turns: readonly T[]): Children<T> {
  const children = new Map<string | null, T[]>();
  for (const turn of turns) {
    const siblings = children.get(turn.parent);
    if (siblings) siblings.push(turn);
    else children.set(turn.parent, [turn]);
  }
  return children;
}

/** The turns from the first to `tip`; of a tip that is unknown, to the newest. */
export function pathTo<T extends TreeTurn>(turns: readonly T[], tip: string | undefined): readonly T[] {
  const byId = new Map(turns.map((turn) => [turn.id, turn]));
  const path: T[] = [];
  let turn = (tip === undefined ? undefined : byId.get(tip)) ?? turns.at(-1);
  while (turn) {
    path.push(turn);
    // Each turn is visited once, whatever was stored.
    byId.delete(turn.id);
    turn = turn.parent === null ? undefined : byId.get(turn.parent);
  }
  return path.toReversed();
}

/** The end of the newest path through `id`. */
export function newestBelow<T extends TreeTurn>(children: Children<T>, id: string): string {
  const seen = new Set<string>();
  let at = id;
  for (;;) {
    const next = children.get(at)?.at(-1);
    if (!next || seen.has(next.id)) return at;
    seen.add(next.id);
    at = next.id;
  }
}
