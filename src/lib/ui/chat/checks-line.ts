import { m } from '#messages';
import type { ChecksView } from '#lib/state/checks.ts';
import { formatDollars } from '../dollars.ts';
import { formatCount, formatDecimal, joinFacts } from '../format.ts';
import { formatShare } from '../percent.ts';

/** What was checked for a tier, in one line; no word for all of it. */
export const checksLine = ({ bond, share, margin, validators }: ChecksView): string =>
  joinFacts([
    m.checks_line({
      amount: formatDollars(BigInt(bond.amount)),
      share: formatShare(share),
      validators: formatCount(validators),
    }),
    ...(margin === undefined ? [] : [m.checks_line_margin({ margin: formatDecimal(margin, 0, 3) })]),
  ]);
