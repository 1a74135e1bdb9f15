import { z } from 'zod';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { ShelfPort, ShelvedDocument } from '#lib/state/shelf.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import { attachmentSchema } from './stored-attachment.ts';

/** Beside the turns, under keys that no conversation has. What is listed stands apart from the texts, which are long. */
const listPrefix = 'shelf/';
const textPrefix = 'shelf-text/';

/** `length`: characters of all of them, as many as are searched in a second or two. */
export const shelfLimits = { documents: 200, length: 20_000_000, nameLength: 200 } as const;

const listedSchema: z.ZodType<ShelvedDocument> = z.object({
  id: z.string().min(1).max(64),
  name: z.string().max(256),
  addedAt: z.number(),
  length: z.number().int().nonnegative(),
});

export function keepShelf(storage: KeyValue, clock: Pick<Clock, 'now'>): ShelfPort {
  const list = async () => {
    const entries = await storage.list('messages', { prefix: listPrefix, limit: shelfLimits.documents });
    return entries
      .flatMap(({ value }) => listedSchema.safeParse(value).data ?? [])
      .sort((a, b) => a.name.localeCompare(b.name) || a.addedAt - b.addedAt);
  };

  return {
    list,
    async read(id) {
      return attachmentSchema.safeParse(await storage.get('messages', textPrefix + id)).data;
    },
    async keep(document) {
      const { id, text, pages, unit, titles } = document;
      const name = document.name.slice(0, shelfLimits.nameLength);
      const all = await list();
      if (all.some((one) => one.id === id)) return;
      const length = all.reduce((sum, one) => sum + one.length, text.length);
      if (all.length >= shelfLimits.documents || length > shelfLimits.length) throw full();
      const listed: ShelvedDocument = { id, name, addedAt: clock.now(), length: text.length };
      await storage.batch([
        { type: 'put', store: 'messages', key: listPrefix + id, value: listed },
        { type: 'put', store: 'messages', key: textPrefix + id, value: { id, name, text, pages, unit, titles } },
      ]);
    },
    async rename(id, name) {
      const [listedKey, textKey] = [listPrefix + id, textPrefix + id];
      const places = [listedKey, textKey].map((key) => ({ store: 'messages', key }) as const);
      await storage.update(places, ([listed, text]) => {
        const [known, document] = [listedSchema.safeParse(listed).data, attachmentSchema.safeParse(text).data];
        const next = name.trim().slice(0, shelfLimits.nameLength);
        if (!known || !document || next === '') return [];
        return [
          { type: 'put', store: 'messages', key: listedKey, value: { ...known, name: next } },
          { type: 'put', store: 'messages', key: textKey, value: { ...document, name: next } },
        ];
      });
    },
    remove: (id) =>
      storage.batch([
        { type: 'delete', store: 'messages', key: listPrefix + id },
        { type: 'delete', store: 'messages', key: textPrefix + id },
      ]),
  };
}

const full = () =>
  new TabloomError(
    'shelf-full',
    'At most 200 documents with 20,000,000 characters in all are kept. Delete one that you no longer need.',
  );
