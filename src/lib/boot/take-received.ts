import { z } from 'zod';
import { receivedCache, receivedFilesMax, receivedKey } from './received.ts';

/** What another program has shared with the app: by the system's share sheet, by way of the service worker. */
export interface Received {
  /** Title, text and address, a line each. */
  readonly text: string;
  readonly files: readonly File[];
  /** Number of files that were too many or too large. */
  readonly leftOut: number;
}

const listSchema = z.object({
  text: z.string(),
  leftOut: z.number().int().nonnegative(),
  files: z.array(z.object({ name: z.string(), type: z.string() })).max(receivedFilesMax),
});

/** Takes it: it is handed out once. Undefined if there is nothing. */
export async function takeReceived(caches: CacheStorage): Promise<Received | undefined> {
  const cache = await caches.open(receivedCache);
  const stored = await cache.match(receivedKey('list'));
  const list = listSchema.safeParse(await stored?.json().catch(() => undefined)).data;
  const files: File[] = [];
  for (const [index, { name, type }] of (list?.files ?? []).entries()) {
    const bytes = await (await cache.match(receivedKey(index)))?.arrayBuffer();
    if (bytes) files.push(new File([bytes], name, { type }));
  }
  await caches.delete(receivedCache);
  return list && { text: list.text, files, leftOut: list.leftOut };
}
