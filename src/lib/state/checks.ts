import type { TierFinding } from '#lib/peer/tiers/check.ts';

/** What was checked of a worker before its tier was believed, one by one, as pages show it. */
export interface ChecksView {
  /** In the smallest unit of the token, as decimal text; the block that it was read at. */
  readonly bond: { readonly amount: string; readonly required: string; readonly block: string };
  /** From 0 to 1. */
  readonly share: number;
  readonly audited: number;
  /** In nats. */
  readonly margin: number | undefined;
  readonly validators: number;
}

export const checksOf = ({ bond, audits }: TierFinding): ChecksView => ({
  bond,
  share: audits.receipts === 0 ? 0 : audits.audited / audits.receipts,
  audited: audits.audited,
  margin: audits.margin,
  validators: audits.validators,
});
