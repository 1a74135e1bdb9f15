import type { Envelope } from '#lib/protocol/envelope.ts';
import { openAuditRecord } from '#lib/trust/audit-records.ts';
import type { AuditOutcome, AuditState } from '#lib/trust/audit.ts';
import type { OpenedReceipt } from '#lib/trust/receipt.ts';

/** By whom a job may be checked: the asker that this peer is itself, or another one, who has signed it. */
export type Released = 'here' | Envelope;

export interface AuditProgress {
  readonly phase: AuditState['phase'];
  readonly outcome?: AuditOutcome | undefined;
}

/** Jobs that their askers released and that are followed at once. */
export const releasedMax = 256;
const outcomesMax = 1_024;

/** @throws `bad-signature`, `bad-record`. */
export function isReleaseOf(release: Envelope, { hash, record }: OpenedReceipt): boolean {
  const opened = openAuditRecord(release);
  return opened.type === 'release' && opened.record.receipt === hash && opened.record.asker === record.asker;
}

/** What became of the newest of them, by the hashes of their receipts. */
export function createOutcomes() {
  const outcomes = new Map<string, AuditOutcome>();
  return {
    of: (receipt: string) => outcomes.get(receipt),
    note(receipt: string, outcome: AuditOutcome): void {
      outcomes.set(receipt, outcome);
      if (outcomes.size > outcomesMax) outcomes.delete(outcomes.keys().next().value!);
    },
  };
}
