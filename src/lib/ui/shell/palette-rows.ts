import { computeCommandScore } from 'bits-ui';
import type { IconName } from '../basic/icons.ts';

/** A line of the palette. */
export interface PaletteRow {
  /** Told from all others by it. */
  readonly value: string;
  readonly icon: IconName;
  readonly label: string;
  /** What is said beside it, in small print; what people wrote is in its own direction. */
  readonly note?: string | undefined;
  readonly by?: 'us' | 'people';
  /** Further words that it is found by. */
  readonly words?: readonly string[];
  readonly run: () => void;
}

export interface PaletteGroup {
  readonly heading: string;
  readonly rows: readonly PaletteRow[];
}

const rowsMax = 50;

/**
 * What matches a query, the best group and in it the best row first; without a query everything, in its own order. Not the palette's own
 * filter, which moves what it sorts in the page by itself: rows that come later then leave others behind.
 */
export function bestGroups(query: string, groups: readonly PaletteGroup[]): readonly PaletteGroup[] {
  const wanted = query.trim();
  if (wanted === '') return groups.flatMap((group) => cut(group));
  return groups
    .map(({ heading, rows }) => {
      const scored = rows
        .map((row) => ({ row, score: scoreOf(row, wanted) }))
        .filter(({ score }) => score > 0)
        .sort((a, b) => b.score - a.score);
      return { group: { heading, rows: scored.map(({ row }) => row) }, best: scored[0]?.score ?? 0 };
    })
    .sort((a, b) => b.best - a.best)
    .flatMap(({ group }) => cut(group));
}

/** None where there is no row. */
const cut = ({ heading, rows }: PaletteGroup): readonly PaletteGroup[] =>
  rows.length === 0 ? [] : [{ heading, rows: rows.slice(0, rowsMax) }];

const scoreOf = ({ label, note, words = [] }: PaletteRow, wanted: string): number =>
  Math.max(
    ...[label, ...(note === undefined ? [] : [note]), ...words].map((text) => computeCommandScore(text, wanted)),
  );
