import { z } from 'zod';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { decodeAuditFrame, encodeAuditFrame, type AuditFrame } from '#lib/protocol/audit-frame.ts';
import { peerIdSchema, type PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { KeyValue } from '#lib/storage/spec.ts';

export type ReleasedFrame = Extract<AuditFrame, { readonly t: 'released' }>;

/** What a panel was shown of an answer, and whose it is. */
export interface ShownEvidence {
  readonly audit: string;
  readonly worker: PeerId;
  readonly frame: ReleasedFrame;
}

/** What convictions rest on, for as long as the contract may ask for more judges. */
export interface EvidenceStore {
  /** In the background: without it a dispute may lack its judges, and nobody is convicted by that. */
  keep(one: ShownEvidence): void;
  /** Undefined where there is none, or what is stored fits no longer. @throws those of the storage. */
  read(audit: string): Promise<Omit<ShownEvidence, 'audit'> | undefined>;
}

const keptMaxDefault = 256;
/** As long as a case before the contract. */
const keptMs = 45 * 86_400_000;
const prefix = 'audit/evidence/';
const storedSchema = z.object({
  at: z.number().nonnegative(),
  worker: peerIdSchema,
  frame: z.instanceof(Uint8Array).refine(({ length }) => length <= limits.frameBytesMax),
});

export interface EvidenceComponents {
  readonly storage: KeyValue;
  readonly clock: Pick<Clock, 'now'>;
  readonly logger: Logger;
  readonly keptMax?: number | undefined;
}

export function createEvidenceStore({
  storage,
  clock,
  logger,
  keptMax = keptMaxDefault,
}: EvidenceComponents): EvidenceStore {
  const prune = async () => {
    const entries = await storage.list('receipts', { prefix, limit: 2 * keptMax });
    const dated = entries.map(({ key, value }) => ({ key, at: storedSchema.safeParse(value).data?.at ?? 0 }));
    const oldest = dated.toSorted((a, b) => a.at - b.at);
    const gone = oldest.filter(({ at }, place) => place < oldest.length - keptMax || at < clock.now() - keptMs);
    await storage.batch(gone.map(({ key }) => ({ type: 'delete', store: 'receipts', key })));
  };
  const put = async ({ audit, worker, frame }: ShownEvidence) => {
    await storage.put('receipts', prefix + audit, { at: clock.now(), worker, frame: encodeAuditFrame(frame) });
    await prune();
  };
  return {
    keep: (one) =>
      void put(one).catch((error: unknown) => logger.warn('evidence-not-stored', { code: errorCode(error) })),
    async read(audit) {
      const { data } = storedSchema.safeParse(await storage.get('receipts', prefix + audit));
      if (!data) return undefined;
      const frame = decodeAuditFrame(data.frame);
      return frame.t === 'released' ? { worker: data.worker, frame } : undefined;
    },
  };
}
