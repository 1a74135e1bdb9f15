import type { PeerId } from '#lib/protocol/ids.ts';

/** What is known of a worker's audits, as counted and never as claimed. */
export interface AuditSummary {
  /** Receipts in the epochs that were looked at, and how many of them were re-scored. */
  readonly receipts: number;
  readonly audited: number;
  /** Of those, how many since the last whose margins went further than honest ones do; left out where none did. */
  readonly sinceDoubt?: number | undefined;
  /** Of the audited answers, in the judge's own unit; left out where nothing could be measured. */
  readonly margin?: number | undefined;
  /** Distinct validators that judged. */
  readonly validators: number;
  /** Convictions that no appeal has lifted. */
  readonly convictions: number;
  /**
   * Tokens of its greedy answers that are counted together, and those of them that the weights find strange; how often a test of them
   * ended in its favour and began anew. Left out where none was counted.
   */
  readonly series?: { readonly tokens: number; readonly mismatches: number; readonly cleared: number } | undefined;
}

/** Where audits are looked up. */
export interface AuditRecord {
  /** Undefined: it was never audited. */
  of(worker: PeerId): AuditSummary | undefined;
}

/** A record in memory, which whoever runs or hears of audits writes. */
export interface AuditBook extends AuditRecord {
  /** Of all workers that are known, those that were noted last at the end. */
  entries(): readonly (readonly [worker: PeerId, summary: AuditSummary])[];
  note(worker: PeerId, summary: AuditSummary): void;
}

const workersMax = 4_096;

export function createAuditBook(): AuditBook {
  const summaries = new Map<PeerId, AuditSummary>();
  return {
    of: (worker) => summaries.get(worker),
    entries: () => [...summaries],
    note(worker, summary) {
      summaries.delete(worker);
      summaries.set(worker, summary);
      for (const [oldest, { convictions }] of summaries) {
        if (summaries.size <= workersMax) break;
        // A conviction is forgotten last: to be forgotten must not be worth many keys.
        if (convictions === 0) summaries.delete(oldest);
      }
      if (summaries.size > workersMax) summaries.delete(summaries.keys().next().value!);
    },
  };
}
