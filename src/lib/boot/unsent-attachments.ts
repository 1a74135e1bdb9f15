import { z } from 'zod';
import type { Clock } from '#lib/base/clock.ts';
import type { UnsentPort } from '#lib/state/tab.ts';
import type { KeyValue, Write } from '#lib/storage/spec.ts';
import { attachmentSchema } from './stored-attachment.ts';

const prefix = 'unsent/';
/** Questions whose attachments are kept; beyond, and after a month, those that waited longest are forgotten. */
const questionsMax = 20;
const filesMax = 16;
const keptMs = 30 * 24 * 60 * 60_000;

const entrySchema = z.object({ at: z.number(), attachments: z.array(attachmentSchema).max(filesMax) });

/** What is attached to questions that have not been sent. It lies beside the turns, under keys that no conversation has. */
export function keepUnsent(storage: KeyValue, clock: Pick<Clock, 'now'>): UnsentPort {
  const tidy = async () => {
    const entries = await storage.list('messages', { prefix, limit: 10 * questionsMax });
    const dated = entries
      .map(({ key, value }) => ({ key, at: entrySchema.safeParse(value).data?.at ?? 0 }))
      .sort((a, b) => b.at - a.at);
    const old = dated.filter(({ at }, index) => index >= questionsMax || clock.now() - at > keptMs);
    await storage.batch(old.map(({ key }): Write => ({ type: 'delete', store: 'messages', key })));
  };

  return {
    async read(key) {
      const entry = entrySchema.safeParse(await storage.get('messages', prefix + key));
      return entry.data?.attachments ?? [];
    },
    async write(key, attachments) {
      if (attachments.length === 0) return storage.delete('messages', prefix + key);
      await storage.put('messages', prefix + key, { at: clock.now(), attachments });
      await tidy();
    },
  };
}
