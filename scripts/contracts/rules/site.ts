/** The kinds of change made by rule. */
export const rules = [
  'comparison',
  'logic',
  'arithmetic',
  'rounding',
  'condition',
  'event',
  'party',
  'signer',
  'statement',
] as const;

export type Rule = (typeof rules)[number];

/** One change at one place: what stands there and what a mutant has instead. */
export type Site = {
  /** Number of the mutant, from 1; it changes whenever a source does. */
  readonly id: number;
  /** Path below `contracts/`. */
  readonly file: string;
  /** Function, modifier or `constructor` it lies in. */
  readonly within: string;
  readonly line: number;
  readonly rule: Rule;
  readonly from: string;
  readonly to: string;
  /** Tells apart sites that agree in everything else, from 0. */
  readonly ordinal: number;
};

/** What names a site as long as its function does not change: an equivalent mutant is excused under this name. */
export const nameOf = ({ file, within, rule, from, to, ordinal }: Omit<Site, 'id' | 'line'>): string =>
  `${file}:${within}: ${rule}: ${from} → ${to}${ordinal > 0 ? ` (${ordinal + 1})` : ''}`;
