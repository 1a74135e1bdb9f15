import { m } from '#messages';
import type { WorkerAuditsView } from '#lib/state/network.ts';
import { formatShare } from '../percent.ts';
import { formatCount, formatDecimal, joinFacts } from '../format.ts';

/** Of 1; nothing is no part of nothing. */
export const auditedShare = ({ receipts, audited }: Pick<WorkerAuditsView, 'receipts' | 'audited'>): number =>
  receipts === 0 ? 0 : audited / receipts;

/** What was counted of one worker, each count by itself. */
export const auditText = (worker: WorkerAuditsView): string =>
  joinFacts([
    m.audits_done({ count: formatCount(worker.audited) }),
    m.audits_share({ share: formatShare(auditedShare(worker)) }),
    m.audits_validators({ count: formatCount(worker.validators) }),
    ...(worker.margin === undefined ? [] : [m.audits_margin({ margin: formatDecimal(worker.margin, 0, 3) })]),
    m.audits_failed({ count: formatCount(worker.convictions) }),
  ]);
