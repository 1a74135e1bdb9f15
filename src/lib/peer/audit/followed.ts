import type { Envelope } from '#lib/protocol/envelope.ts';
import type { SealTruth } from '#lib/protocol/audit.ts';
import type { AuditCounts } from '#lib/trust/audit-share.ts';
import type { AuditState } from '#lib/trust/audit.ts';
import type { OpenedEpoch } from '#lib/trust/epoch.ts';
import type { OpenedReceipt } from '#lib/trust/receipt.ts';
import type { TrialState } from '#lib/trust/trial-state.ts';
import type { ReleasedFrame } from './evidence.ts';
import type { StoredAudit } from './follow-store.ts';
import type { ShownAnswer } from './validator.ts';

/** A receipt that an auditor follows, and how far it has come. */
export interface Followed {
  readonly receipt: OpenedReceipt;
  readonly shown: ShownAnswer;
  readonly release: Envelope;
  readonly counts: AuditCounts;
  state: AuditState;
  epoch?: OpenedEpoch | undefined;
  round?: number | undefined;
  leaf?: StoredAudit['leaf'];
  seal?: StoredAudit['seal'];
  audit?: string | undefined;
  /** It is to be accused, and this is what the seal will say. */
  truth?: SealTruth | undefined;
}

export const releasedFrame = ({
  shown: { job, parts },
  release,
}: Pick<Followed, 'shown' | 'release'>): ReleasedFrame => ({
  t: 'released',
  release: release as never,
  job,
  parts: [...parts],
});

/** Of too many that are followed, by their receipts: what is accused already is shown to those who judge, until they have. */
export const leastMissed = (of: readonly (readonly [string, Followed])[]): string =>
  (of.find(([, { state }]) => state.phase !== 'tried') ?? of[0]!)[0];

export const asksOf = (state: AuditState): number => ('asks' in state ? state.asks : 0);

export const storedOf = (
  { receipt, shown, release, counts, epoch, round, leaf, seal, audit }: Followed,
  state: Exclude<AuditState, { phase: 'settled' }>,
): StoredAudit => {
  const { phase, at, deadline } = state;
  return { receipt, shown, release, counts, epoch, round, leaf, seal, audit, phase, at, deadline, asks: asksOf(state) };
};

/** As it was before it was stored; undefined where that does not fit together. */
export function stateOf(
  phase: StoredAudit['phase'],
  {
    base,
    round,
    asks,
    trial,
  }: {
    readonly base: Pick<AuditState, 'terms' | 'at' | 'deadline'>;
    readonly round: number | undefined;
    readonly asks: number;
    readonly trial: TrialState | undefined;
  },
): AuditState | undefined {
  switch (phase) {
    case 'receipted':
    case 'opened':
      return { ...base, phase };
    case 'committed':
      return round === undefined ? undefined : { ...base, phase, round, asks };
    case 'picked':
      return { ...base, phase, asks };
    case 'tried':
      return trial && { ...base, phase, trial };
  }
}
