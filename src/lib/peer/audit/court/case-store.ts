import { z } from 'zod';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Address } from '#lib/pay/spec.ts';
import { hashSchema, peerIdSchema } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import type { CourtCase } from './docket.ts';

/** Of a network at once; what is left behind is forgotten, oldest first and cleared ones before convicted ones. */
const casesMax = 512;
const prefix = 'court/case/';

const timeSchema = z.number().nonnegative();
const caseSchema = z.object({
  audit: hashSchema,
  receipt: hashSchema,
  worker: peerIdSchema,
  accuser: peerIdSchema,
  outcome: z.enum(['tried', 'convicted', 'cleared']),
  verdict: z.enum(['innocent', 'guilty']).optional(),
  provider: z.custom<Address>((value) => /^0x[0-9a-fA-F]{40}$/.test(String(value))).optional(),
  answer: z
    .instanceof(Uint8Array)
    .refine(({ length }) => length <= limits.gossipBytesMax)
    .optional(),
  looked: z.boolean().optional(),
  since: timeSchema,
  openedAt: timeSchema.optional(),
  voted: z.array(z.string().max(128)).max(64),
});

/** The cases of this peer, in memory and behind it. */
export function createCaseStore({ storage, logger }: { readonly storage: KeyValue; readonly logger: Logger }) {
  const cases = new Map<string, CourtCase>();
  const failed = (error: unknown) => logger.warn('court-not-stored', { code: errorCode(error) });

  const put = async (one: CourtCase) => {
    cases.set(one.audit, one);
    await storage.put('pay', prefix + one.audit, one);
    if (cases.size > casesMax) await remove(leastOf([...cases.values()]).audit);
  };
  const remove = async (audit: string) => {
    cases.delete(audit);
    await storage.delete('pay', prefix + audit);
  };
  return {
    /** What an older version wrote otherwise is passed over. @throws those of the storage. */
    async open(): Promise<void> {
      for (const { value } of await storage.list('pay', { prefix, limit: casesMax })) {
        const { data } = caseSchema.safeParse(value);
        if (data && !cases.has(data.audit)) cases.set(data.audit, data);
      }
    },
    list: (): readonly CourtCase[] => [...cases.values()],
    get: (audit: string) => cases.get(audit),
    /** Resolves when it is stored: before anything is sent by it. */
    put,
    delete: remove,
    /** In the background. */
    note: (one: CourtCase): void => void put(one).catch(failed),
    forget: (audit: string): void => void remove(audit).catch(failed),
  };
}

function leastOf(cases: readonly CourtCase[]): CourtCase {
  const oldest = cases.toSorted((a, b) => a.since - b.since);
  return oldest.find(({ outcome }) => outcome === 'cleared') ?? oldest[0]!;
}
