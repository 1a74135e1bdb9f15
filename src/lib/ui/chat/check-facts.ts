import { m } from '#messages';
import type { ChecksView } from '#lib/state/checks.ts';
import { formatDollars } from '../dollars.ts';
import { formatCount, formatDecimal } from '../format.ts';
import { formatShare } from '../percent.ts';

type Facts = readonly (readonly [name: string, value: string])[];

/** Each check with what it found; no word for all of them. */
export const checkFacts = ({ bond, share, audited, margin, validators }: ChecksView): Facts => [
  [
    m.checks_bond(),
    m.checks_bond_value({
      amount: formatDollars(BigInt(bond.amount)),
      required: formatDollars(BigInt(bond.required)),
      block: formatCount(Number(bond.block)),
    }),
  ],
  [m.checks_audited(), m.checks_audited_value({ share: formatShare(share), count: formatCount(audited) })],
  ...(margin === undefined
    ? []
    : [[m.checks_margin(), m.checks_margin_value({ margin: formatDecimal(margin, 0, 3) })] as const]),
  [m.checks_validators(), formatCount(validators)],
];
