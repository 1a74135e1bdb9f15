import { z } from 'zod';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { decodeAuditFrame, encodeAuditFrame } from '#lib/protocol/audit-frame.ts';
import { decodeEnvelope, encodeEnvelope, type Envelope } from '#lib/protocol/envelope.ts';
import { hashSchema } from '#lib/protocol/ids.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import type { SealTruth } from '#lib/protocol/audit.ts';
import type { AuditCounts } from '#lib/trust/audit-share.ts';
import { openEpoch, type OpenedEpoch } from '#lib/trust/epoch.ts';
import { openReceipt, type OpenedReceipt } from '#lib/trust/receipt.ts';
import { isReceipted } from '#lib/trust/released.ts';
import type { ShownAnswer } from './validator.ts';

/** A receipt that an auditor follows, as it outlives the process. */
export interface StoredAudit {
  readonly receipt: OpenedReceipt;
  readonly shown: ShownAnswer;
  readonly release: Envelope;
  readonly counts: AuditCounts;
  readonly phase: 'receipted' | 'committed' | 'picked' | 'opened' | 'tried';
  readonly at: number;
  readonly deadline: number;
  readonly asks: number;
  readonly round?: number | undefined;
  readonly epoch?: OpenedEpoch | undefined;
  readonly leaf?: { readonly index: number; readonly path: readonly string[] } | undefined;
  readonly seal?: { readonly salt: Uint8Array; readonly truth: SealTruth } | undefined;
  /** Under which it is accused. */
  readonly audit?: string | undefined;
}

/** Where the audits that an auditor follows outlive its process. */
export interface FollowStore {
  /** What no longer fits is passed over: nobody is convicted by it. @throws those of the storage. */
  read(): Promise<readonly StoredAudit[]>;
  /** In the background: what a crash loses is an audit. */
  write(one: StoredAudit): void;
  forget(receipt: string): void;
}

/** Receipts that are followed at once; the oldest are let go. */
export const auditsMax = 1_024;
const prefix = 'audit/followed/';
const time = z.number().min(0);
const bytes = z.instanceof(Uint8Array);
const storedSchema = z.object({
  receipt: bytes,
  released: bytes,
  phase: z.enum(['receipted', 'committed', 'picked', 'opened', 'tried']),
  at: time,
  deadline: time,
  asks: z.number().int().min(0),
  round: z.number().int().min(0).optional(),
  epoch: bytes.optional(),
  leaf: z.object({ index: z.number().int().min(0), path: z.array(hashSchema).max(64) }).optional(),
  seal: z.object({ salt: bytes, truth: z.enum(['real', 'planted-guilty', 'planted-innocent']) }).optional(),
  audit: hashSchema.optional(),
  // Of an older version, which followed nothing but canaries.
  counts: z.enum(['both', 'against']).default('both'),
});

export function createFollowStore({
  storage,
  logger,
}: {
  readonly storage: KeyValue;
  readonly logger: Logger;
}): FollowStore {
  const failed = (error: unknown) => logger.warn('audit-not-stored', { code: errorCode(error) });
  return {
    async read() {
      const entries = await storage.list('receipts', { prefix, limit: auditsMax });
      return entries.flatMap(({ value }) => open(value) ?? []);
    },
    write(one) {
      try {
        storage.put('receipts', prefix + one.receipt.hash, stored(one)).catch(failed);
      } catch (error) {
        failed(error);
      }
    },
    forget: (receipt) => void storage.delete('receipts', prefix + receipt).catch(failed),
  };
}

function stored({ receipt, shown: { job, parts }, release, epoch, ...rest }: StoredAudit) {
  const released = encodeAuditFrame({ t: 'released', release: release as never, job, parts: [...parts] });
  return {
    ...rest,
    receipt: encodeEnvelope(receipt.envelope),
    released,
    epoch: epoch && encodeEnvelope(epoch.envelope),
  };
}

function open(value: unknown): StoredAudit | undefined {
  try {
    const { receipt: envelope, released, epoch, ...rest } = storedSchema.parse(value);
    const receipt = openReceipt(decodeEnvelope(envelope));
    const frame = decodeAuditFrame(released);
    if (frame.t !== 'released' || !isReceipted(receipt.record, frame.job, frame.parts)) return undefined;
    const shown = { job: frame.job, parts: frame.parts };
    return { ...rest, receipt, shown, release: frame.release, epoch: epoch && openEpoch(decodeEnvelope(epoch)) };
  } catch {
    return undefined;
  }
}
